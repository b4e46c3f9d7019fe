import { request } from "./request.ts";

/** Requests what always has a server, one request after the other, while `work` runs. @returns what was not answered with 200 */
export async function whileAsking(
  url: string,
  work: () => Promise<void>,
): Promise<readonly string[]> {
  const wrong: string[] = [];
  const asking = { isOver: false };
  const asked = (async () => {
    while (!asking.isOver) {
      const { status } = await request(url);
      if (status !== 200) wrong.push(`status ${status}`);
    }
  })();
  try {
    await work();
  } finally {
    asking.isOver = true;
    await asked;
  }
  return wrong;
}
