/** More reads of nodes at a time make Consul no faster (measured). */
const READS_AT_ONCE = 8;

/**
 * Does `work` on each item, a few at a time. When one fails, no other begins.
 *
 * @throws the error of the first one that fails
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
  await Promise.all(Array.from({ length: READS_AT_ONCE }, worker));
}
