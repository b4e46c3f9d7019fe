/** The anchor of a heading, as GitHub makes it: links work there and on the site. */
export const headingAnchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\s-]/gu, "")
    .trim()
    .replaceAll(" ", "-");
