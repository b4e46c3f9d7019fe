/** A server's own weight and whether it is a canary. */
export interface Weighted {
  readonly weight: number;
  readonly canary: boolean;
}

/** Larger numbers say nothing more to a balancer, and cost a hash ring its memory. */
const LARGEST = 100;

/**
 * The weights that give all canaries together `canaryPercent` of the requests, and the rest by own weight.
 *
 * Without canaries, or with nothing else, the own weights stand. Results are whole numbers from 0 to 100
 * with no common divisor; 0 leaves the server out.
 */
export function serverWeights(
  servers: readonly Weighted[],
  canaryPercent: number,
): readonly number[] {
  const canaries = sum(servers.filter(({ canary }) => canary));
  const stable = sum(servers.filter(({ canary }) => !canary));
  if (canaries === 0 || stable === 0) return reduced(servers.map(({ weight }) => weight));
  return reduced(
    servers.map(({ weight, canary }) =>
      canary ? weight * stable * canaryPercent : weight * canaries * (100 - canaryPercent),
    ),
  );
}

function reduced(weights: readonly number[]): readonly number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0) || 1;
  const largest = Math.max(0, ...weights) / divisor;
  const scale = largest > LARGEST ? LARGEST / largest : 1;
  const small = weights.map((weight) =>
    weight === 0 ? 0 : Math.max(1, Math.round((weight / divisor) * scale)),
  );
  const again = small.reduce(greatestCommonDivisor, 0) || 1;
  return small.map((weight) => weight / again);
}

const sum = (servers: readonly Weighted[]): number =>
  servers.reduce((total, { weight }) => total + weight, 0);

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
