/** One address of this machine. */
export interface NetworkInterface {
  /** Such as `eth0`. */
  readonly name: string;
  readonly address: string;
  /** Whether only this machine reaches it. */
  readonly isInternal: boolean;
}
