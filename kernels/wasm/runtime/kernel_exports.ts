/** The functions of the WebAssembly kernels, as JavaScript sees them: assembly/index.ts, with the types it has there. */

/** Batch, height, width, heads, head size; window, configured window, shift, count; masked, scale, drop rate, seed. */
type AttentionSizes = readonly number[];

/** One number for each of the outer axes of permute.ts. */
export type FourNumbers = [number, number, number, number];

/** What assembly/index.ts exports. Addresses and counts are numbers. */
export interface KernelExports {
  attach(control: number, thread: number): void;
  freeScratch(): void;
  scratchBytes(): number;
  sharedScratch(bytes: number): number;
  callerScratch(bytes: number): number;
  packPanels(b: number, ldb: number, k: number, n: number, transposed: number, to: number): void;
  panelBytes(k: number, n: number): number;
  peak(turns: number, at: number): number;
  peakOfThreads(turns: number, units: number): void;
  productRows(
    a: number,
    lda: number,
    panels: number,
    c: number,
    m: number,
    n: number,
    k: number,
    bias: number,
    activate: number,
    z: number,
    scale: number,
    scaleRows: number,
    addend: number,
  ): void;
  layerNorm(
    x: number,
    gamma: number,
    beta: number,
    y: number,
    mean: number,
    inverse: number,
    rows: number,
    channels: number,
    epsilon: number,
    scale: number,
    scaleRows: number,
    addend: number,
  ): void;
  layerNormGrad(
    dy: number,
    x: number,
    mean: number,
    inverse: number,
    gamma: number,
    dx: number,
    dgamma: number,
    dbeta: number,
    rows: number,
    channels: number,
    scale: number,
    scaleRows: number,
  ): void;
  linearGradOutput(
    dy: number,
    z: number,
    scale: number,
    scaleRows: number,
    g: number,
    rows: number,
    columns: number,
  ): void;
  windowAttention(
    qkv: number,
    table: number,
    logitScale: number,
    padToken: number,
    y: number,
    ...sizes: AttentionSizes
  ): void;
  windowAttentionGrad(
    qkv: number,
    table: number,
    logitScale: number,
    padToken: number,
    dy: number,
    dqkv: number,
    dtable: number,
    dlogitScale: number,
    dpadToken: number,
    ...sizes: AttentionSizes
  ): void;
  productColumns(
    a: number,
    lda: number,
    b: number,
    ldb: number,
    c: number,
    m: number,
    n: number,
    k: number,
  ): void;
  /** Of the convolution that is called next. */
  convolutionSizes(
    batch: number,
    height: number,
    width: number,
    channels: number,
    outHeight: number,
    outWidth: number,
    outChannels: number,
    filterHeight: number,
    filterWidth: number,
    strideHeight: number,
    strideWidth: number,
    dilationHeight: number,
    dilationWidth: number,
    top: number,
    left: number,
  ): void;
  convolution(x: number, filter: number, y: number, bias: number, activation: number): void;
  convolutionInputGradient(dy: number, filter: number, dx: number): void;
  convolutionFilterGradient(x: number, dy: number, dw: number): void;
  depthwiseInputGradient(dy: number, filter: number, dx: number): void;
  depthwiseFilterGradient(x: number, dy: number, dw: number): void;
  batchStatistics(
    x: number,
    outer: number,
    channels: number,
    inner: number,
    mean: number,
    variance: number,
  ): void;
  batchNormalise(
    x: number,
    outer: number,
    channels: number,
    inner: number,
    mean: number,
    variance: number,
    gamma: number,
    beta: number,
    epsilon: number,
    y: number,
  ): void;
  batchNormGradient(
    dy: number,
    x: number,
    outer: number,
    channels: number,
    inner: number,
    mean: number,
    variance: number,
    gamma: number,
    epsilon: number,
    batch: number,
    dx: number,
    dgamma: number,
    dbeta: number,
  ): void;
  matrixProducts(
    items: number,
    a: number,
    strideA: number,
    transposeA: number,
    b: number,
    strideB: number,
    transposeB: number,
    c: number,
    m: number,
    n: number,
    k: number,
    bias: number,
    activation: number,
  ): void;
  adamUpdate(
    value: number,
    gradient: number,
    m: number,
    v: number,
    newValue: number,
    newM: number,
    newV: number,
    size: number,
    beta1: number,
    beta2: number,
    rate: number,
    epsilon: number,
    decay: number,
  ): void;
  sgdUpdate(
    value: number,
    gradient: number,
    velocity: number,
    newValue: number,
    newVelocity: number,
    size: number,
    learningRate: number,
    momentum: number,
    nesterov: number,
    weightDecay: number,
  ): void;
  patchMerge(x: number, batch: number, height: number, width: number, channels: number, y: number): void;
  patchMergeGradient(
    dy: number,
    batch: number,
    height: number,
    width: number,
    channels: number,
    dx: number,
  ): void;
  /** Sizes and steps of the outer axes, then those of the rows. */
  copyRows(
    x: number,
    y: number,
    ...outer: [...sizes: FourNumbers, ...from: FourNumbers, rows: number, step: number, bytes: number]
  ): void;
  transposeSquares(
    x: number,
    y: number,
    ...outer: [
      ...sizes: FourNumbers,
      ...from: FourNumbers,
      ...to: FourNumbers,
      rows: number,
      step: number,
      columns: number,
      toStep: number,
    ]
  ): void;
  axisSums(x: number, outer: number, length: number, inner: number, factor: number, y: number): void;
}
