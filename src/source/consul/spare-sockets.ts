/** Sockets that nothing needs at the moment. They are lent, and taken back as soon as they are needed. */
export interface SpareSockets {
  /**
   * Lends a socket.
   *
   * @param onTakenBack called once when it has to be given up, at once
   * @returns how to give it back; `undefined` when none is left
   */
  borrow(onTakenBack: () => void): (() => void) | undefined;
  /** Changes how many there are. Those beyond it are taken back, the longest lent first. */
  resize(count: number): void;
}

export function createSpareSockets(): SpareSockets {
  const lent = new Set<() => void>();
  let most = 0;
  return {
    borrow(onTakenBack) {
      if (lent.size >= most) return undefined;
      const takeBack = () => onTakenBack();
      lent.add(takeBack);
      return () => void lent.delete(takeBack);
    },
    resize(count) {
      most = count;
      for (const takeBack of lent) {
        if (lent.size <= most) return;
        lent.delete(takeBack);
        takeBack();
      }
    },
  };
}
