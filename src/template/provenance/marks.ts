/** What a mark looks like in the output: characters that no configuration has. */
export const MARK_ENDS = /[\u{F0000}\u{F0001}]/gu;
export const markText = (number: number): string => `\u{F0000}${number}\u{F0001}`;
export const MARK = /\u{F0000}(\d+)\u{F0001}/gu;

export const withoutMarks = (text: string): string => text.replace(MARK, "");
