// What the API answers, as far as the dashboard reads it. The daemon's own types stay with the daemon: these are the
// words of the wire.

export type Numbers = Readonly<Record<string, number | null>>;

export interface SpanMetrics {
  readonly samples?: number;
  readonly accuracy?: number | null;
  readonly rmse?: number | null;
  readonly r2?: number | null;
  readonly mae?: number | null;
  readonly logLoss?: number | null;
  readonly auc?: number | null;
  readonly f1?: number | null;
  readonly balancedAccuracy?: number | null;
  readonly baselines: Numbers;
  readonly baselinesRmse?: Numbers;
}

export interface Reading extends SpanMetrics {
  readonly kind: "classes" | "values";
  readonly samples: number;
  readonly window: SpanMetrics & { readonly samples: number };
  readonly drift: {
    readonly detector: string | null;
    readonly drifts: number;
    readonly lastDriftAt: number;
    readonly warnings: number;
  };
}

export interface Worth {
  readonly earnsItsKeep: boolean;
  readonly against: string;
  readonly by: "accuracy" | "rmse";
  readonly model: number;
  readonly baseline: number;
}

export interface ModelStatus {
  readonly features: readonly string[];
  readonly label: string;
  readonly step: number;
  readonly sequence: number;
  readonly durableSequence: number;
  readonly pending: number;
  readonly cost: number | null;
  readonly metrics: Reading | null;
  readonly worth: Worth | null;
  readonly drift: {
    readonly policy: string;
    readonly boost: number;
    readonly candidates: number;
    readonly challenged: boolean;
  };
  readonly undone: number;
  readonly missing: number;
  readonly questions: { readonly open: number; readonly expired: number };
  readonly engine: string;
  readonly precision: string;
  readonly ignoredFields: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly newestSnapshot: number | null;
  /** Of an ensemble, how each member fares: its mean loss of late, and how much it counts. */
  readonly members?: readonly { readonly name: string; readonly loss: number | null; readonly weight: number }[] | null;
}

export interface Broker {
  readonly kind: "embedded" | "external";
  readonly url: string;
  readonly prefix: string;
  readonly online: boolean;
  readonly reason: string | null;
  readonly protocol: string | null;
  readonly messages: number;
  readonly heldBytes: number;
  readonly dropped: number;
  readonly connections: number;
  readonly pauses?: number;
}

export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly data: string;
  readonly broker: Broker | null;
  readonly store: {
    readonly fileBytes: number;
    readonly walBytes: number;
    readonly commitsHeld: number | null;
    readonly rowsHeld: number | null;
    readonly commits: number;
    readonly committedRows: number;
    readonly failure: string | null;
  };
  readonly models: Readonly<Record<string, ModelStatus>>;
}

export interface HistoryPoint {
  readonly step: number;
  readonly sequence: number;
  readonly at: string;
  readonly cost: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

export interface History {
  readonly model: string;
  readonly from: number;
  readonly to: number;
  readonly points: readonly HistoryPoint[];
}

export interface SnapshotLine {
  readonly id: number;
  readonly model: string;
  readonly parent: number | null;
  readonly reason: string;
  readonly step: number;
  readonly sequence: number;
  readonly createdAt: string;
  readonly cost: number | null;
  readonly metrics: Numbers | null;
  readonly tags: readonly string[];
  readonly bytes: number;
}

export interface SnapshotDifference {
  readonly identical: boolean;
  readonly config: readonly { readonly path: string; readonly from: unknown; readonly to: unknown }[];
}

export interface Quarantine {
  readonly counts: readonly { readonly model: string | null; readonly code: string; readonly count: number }[];
  readonly messages: readonly QuarantineMessage[];
}

export interface QuarantineMessage {
  readonly id: number;
  readonly at: string;
  readonly model: string | null;
  readonly topic: string;
  readonly code: string;
  readonly detail: string;
  readonly bytes: number;
  readonly head: string;
}

export interface Recent {
  readonly features: readonly string[];
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly sequence: number;
  readonly features: readonly (number | string | null)[];
  readonly label: number;
}

export interface ModelFileLayer {
  /** (units, inputs): weights[j][i] leads from unit i to unit j. */
  readonly weights: readonly (readonly number[])[];
  readonly biases: readonly number[];
  readonly activation: string;
}

/** Is what a model learned, as model files have it. */
export type LearnedFile = NetworkFile | EnsembleFile;

interface FileHead {
  readonly features: readonly string[];
  readonly label: string;
  readonly classes?: readonly string[];
  readonly categorical?: Readonly<Record<string, readonly string[] | number>>;
  readonly loss: string;
  readonly scaler: {
    readonly mean: readonly number[];
    readonly std: readonly number[];
    readonly count?: number;
  } | null;
  readonly means?: readonly number[];
}

/** Is a single network. */
export interface NetworkFile extends FileHead {
  readonly layers: readonly ModelFileLayer[];
}

/** Is several networks, and what mixes them. */
export interface EnsembleFile extends FileHead {
  readonly members: readonly EnsembleMember[];
  readonly relevance: readonly number[];
  readonly mixer: { readonly shares: readonly number[]; readonly weights: readonly number[] };
  readonly target: { readonly mean: number; readonly std: number } | null;
}

export interface EnsembleMember {
  readonly fourier?: { readonly frequencies: readonly (readonly number[])[]; readonly phases: readonly number[] };
  readonly layers: readonly ModelFileLayer[];
  readonly relevant: boolean;
}
