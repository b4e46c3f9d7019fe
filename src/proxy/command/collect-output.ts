/** How much of a command's output is kept. The rest is read and dropped, so that the command never blocks. */
export const OUTPUT_LIMIT_BYTES = 64 * 1024;

/** Reads a stream to its end and returns its first {@link OUTPUT_LIMIT_BYTES} bytes. */
export async function collectOutput(stream: NodeJS.ReadableStream | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream ?? []) {
      const buffer = Buffer.from(chunk as Uint8Array);
      if (bytes < OUTPUT_LIMIT_BYTES) chunks.push(buffer.subarray(0, OUTPUT_LIMIT_BYTES - bytes));
      bytes += buffer.length;
    }
  } catch {
    // The pipe broke as the command was ended: what was read so far is all there is.
  }
  return Buffer.concat(chunks).toString("utf8");
}
