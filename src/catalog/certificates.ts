/** A certificate that Connect's certificate authority trusts. */
export interface CaRoot {
  readonly id: string;
  readonly name: string;
  /** Whether it signs new certificates. */
  readonly active: boolean;
  readonly rootCertPem: string;
  readonly intermediateCertsPem: readonly string[];
  /** RFC 3339. */
  readonly notBefore: string;
  /** RFC 3339. */
  readonly notAfter: string;
  readonly trustDomain: string;
}

/** A service's certificate in Connect's mesh. */
export interface CaLeaf {
  readonly service: string;
  /** Its SPIFFE id. */
  readonly serviceUri: string;
  readonly serialNumber: string;
  /** With the certificates between it and the root. */
  readonly certPem: string;
  readonly privateKeyPem: string;
  /** RFC 3339. */
  readonly validAfter: string;
  /** RFC 3339. */
  readonly validBefore: string;
}
