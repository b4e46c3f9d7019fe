/** Reads of nodes at once: more make Consul no faster (measured). */
const AT_ONCE = 8;

/**
 * Does `work` on each item, a few at a time. When one fails, none begins any more.
 *
 * @throws what the first one that fails throws
 */
export async function mapConcurrently<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items].toReversed();
  const worker = async (): Promise<void> => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
      try {
        await work(item);
      } catch (error) {
        waiting.length = 0;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
