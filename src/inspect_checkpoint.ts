/**
 * What is in a checkpoint, and what would become of it if it were loaded: its layout, network, classes, types and shapes, the
 * names of its tensors beside ours, and which of them would be resized for another window, size of image or classes.
 *
 * The network is built and loaded to find that out, and given back: nothing is said here that loading would not do.
 */
import type {SwinTransformerArgs} from '../architectures/index.js';
import {type ArgumentNames, checkArguments} from '../kernels/common/known_arguments.js';
import {showShape} from '../kernels/common/shapes.js';
import {textTable} from '../kernels/common/text_table.js';
import {SwintError} from './errors.js';
import type {ByteSource} from './weights/byte_source.js';
import type {Checkpoint} from './weights/checkpoint.js';
import {configurationOf, type UNetParts, unetOf} from './weights/configuration.js';
import {type LoadedSwin, swinFromFile} from './weights/from_checkpoint.js';
import {type CheckpointOrigin, DOWNLOAD_OPTIONS, type DownloadOptions} from './weights/hub.js';
import type {CheckpointDescription} from './weights/hub_config.js';
import {denseOrderOf, isBuffer, type Layout, namingOf, versionOf} from './weights/layouts/index.js';
import {checkOptions, fetchedSource, type GivenCheckpoint, layoutOf} from './weights/load_weights.js';
import {openCheckpoint} from './weights/open_checkpoint.js';
import {renamedCheckpoint} from './weights/renaming.js';
import {namesOf} from './weights/weight_names.js';

export interface InspectOptions
  extends DownloadOptions,
    Pick<SwinTransformerArgs, 'imageSize' | 'windowSize' | 'numClasses'> {
  /** Whose names the checkpoint has; default 'auto', found by them. */
  layout?: Layout | 'auto';
}

const OPTIONS = {
  ...DOWNLOAD_OPTIONS,
  ...{layout: true, imageSize: true, windowSize: true, numClasses: true},
} as const satisfies ArgumentNames<InspectOptions>;

export interface InspectedTensor {
  name: string;
  /** In the words of safetensors: F32, F16, I64, ... */
  dtype: string;
  shape: readonly number[];
  /** Names of our weights that it becomes; several share one joint tensor. */
  ours: string[];
  /** Shape of the first of them. */
  ourShape: readonly number[] | null;
  /** What loading does with it: 'buffer' is one that follows from the configuration and is not read as a weight. */
  use: 'matched' | 'resized' | 'buffer' | 'unexpected';
}

export interface CheckpointInspection {
  file: string;
  format: Checkpoint['format'];
  layout: Layout | null;
  /** Like 'Swin V1 tiny'; null where it is no Swin Transformer. */
  network: string | null;
  /** What `swinTransformer`, or `swinUNet` for Swin-Unet, takes to build it, as far as the file and what is beside it tell. */
  configuration: (SwinTransformerArgs & UNetParts) | null;
  /** Numbers of all tensors but buffers, and the bytes of the file. */
  parameters: number;
  bytes: number;
  /** How many tensors there are of each type. */
  dtypes: Record<string, number>;
  classNames: readonly string[] | null;
  tensors: InspectedTensor[];
  /** Our weights that would stay new. */
  missing: string[];
  /** Why it cannot be loaded, with what to give; null where it can. */
  problem: string | null;
  /** What loading assumes, and what was found beside the file and could not be used. */
  notes: string[];
  /** Where it was fetched from. */
  origin: CheckpointOrigin | null;
  /** All of it as text, with a table of the tensors. */
  text: string;
}

/**
 * Says what a checkpoint is. For a path in Node, see `inspectCheckpoint` of tfjs-swint/node.
 *
 *     console.log((await inspectCheckpoint('hf:microsoft/swin-tiny-patch4-window7-224')).text);
 *
 * @param source As for `swinFromCheckpoint`.
 * @param options imageSize, windowSize and numClasses of a network that it would be loaded into; layout; what concerns
 *   fetching as for `loadWeights`.
 * @throws CheckpointError for a file that cannot be read; one that can be read and not be loaded has a `problem`. ConfigError
 *   for an unusable option.
 */
export async function inspectCheckpoint(
  source: string | Uint8Array | URL,
  options: InspectOptions = {},
): Promise<CheckpointInspection> {
  checkInspectOptions(options);
  return inspectGiven(await fetchedSource(WHO, source, options), options);
}

/** The same of a checkpoint that has come. */
export async function inspectGiven(
  {source, origin, describe}: GivenCheckpoint,
  options: InspectOptions,
): Promise<CheckpointInspection> {
  return inspectSource(source, options, await describe?.(), origin);
}

const WHO = 'inspectCheckpoint';

/** @throws ConfigError for an unknown option, or one of fetching that can never work. */
export function checkInspectOptions(options: InspectOptions): void {
  checkArguments(WHO, options, OPTIONS);
  checkOptions(WHO, options);
}

/** The same from anything that reads bytes. */
export function inspectSource(
  source: ByteSource,
  options: InspectOptions,
  description?: CheckpointDescription,
  origin?: CheckpointOrigin,
): CheckpointInspection {
  const file = renamedCheckpoint(openCheckpoint(source));
  const {layout: given, imageSize, windowSize, numClasses} = options;
  let problem: string | null = null;
  const orProblem = <T>(use: () => T): T | null => {
    try {
      return use();
    } catch (error) {
      if (!(error instanceof SwintError)) throw error;
      problem ??= error.message;
      return null;
    }
  };
  const layout = orProblem(() => layoutOf(file, given));
  const told = layout && orProblem(() => wholeConfiguration(file, layout));
  const configuration = told && {...description?.hints, ...told};
  const loaded =
    layout &&
    configuration &&
    orProblem(() => {
      const network = {imageSize, windowSize, numClasses, kernelInitializer: 'zeros' as const};
      return swinFromFile(file, {layout, ...network, strict: false}, description?.hints);
    });
  const names = new Set(file.tensors.keys());
  const {tensors, missing} = loaded
    ? compared(file, loaded)
    : {tensors: [...names].map((name) => tensorOf(file, name, isBuffer(name, names))), missing: []};
  loaded?.model.dispose();
  const result = {
    ...{file: source.name, format: file.format, layout, configuration},
    network: configuration && networkName(configuration),
    ...{parameters: countOf(tensors), bytes: source.size, dtypes: dtypesOf(tensors)},
    classNames: description?.metadata.classNames ?? null,
    ...{
      tensors,
      missing,
      problem,
      notes: [...(loaded?.report.notes ?? []), ...(description?.notes ?? [])],
      origin: origin ?? null,
    },
  };
  return {...result, text: textOf(result)};
}

function wholeConfiguration(file: Checkpoint, layout: Layout): SwinTransformerArgs & UNetParts {
  const found = configurationOf(file, layout, true);
  return {...found, ...unetOf(file, layout, found.depths?.length ?? 0)};
}

function tensorOf(file: Checkpoint, name: string, isOfConfiguration: boolean): InspectedTensor {
  const {dtype, shape} = file.tensors.get(name)!;
  const use = isOfConfiguration ? 'buffer' : 'unexpected';
  return {name, dtype, shape, ours: [], ourShape: null, use};
}

/** The names of both sides, and what loading did. */
function compared(
  file: Checkpoint,
  {model, report}: LoadedSwin,
): Pick<CheckpointInspection, 'tensors' | 'missing'> {
  const names = new Set(file.tensors.keys());
  const naming = namingOf(report.layout, versionOf(names), denseOrderOf(file));
  const resized = new Set(report.resized);
  const missing = new Set(report.missing);
  const found = new Map<string, {ours: string[]; shape: readonly number[]; isResized: boolean}>();
  for (const weight of model.weights) {
    const both = namesOf(weight);
    if (missing.has(both.canonical)) continue;
    for (const name of naming(both)?.names ?? []) {
      const {ours, shape} = found.get(name) ?? {ours: [], shape: weight.shape as number[]};
      found.set(name, {ours: [...ours, both.original], shape, isResized: resized.has(both.canonical)});
    }
  }
  const tensors = [...names].map((name): InspectedTensor => {
    const one = found.get(name);
    const plain = tensorOf(file, name, isBuffer(name, names));
    if (!one) return plain;
    return {...plain, ours: one.ours, ourShape: one.shape, use: one.isResized ? 'resized' : 'matched'};
  });
  return {tensors, missing: report.missing};
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

const countOf = (tensors: readonly InspectedTensor[]) =>
  tensors.reduce((sum, {shape, use}) => sum + (use === 'buffer' ? 0 : sizeOf(shape)), 0);

function dtypesOf(tensors: readonly InspectedTensor[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const {dtype} of tensors) counts[dtype] = (counts[dtype] ?? 0) + 1;
  return counts;
}

/** Width and blocks of stage 2 of the published networks. */
const FORMS: Readonly<Record<string, string>> = {
  ...{'96 6': 'tiny', '96 18': 'small', '128 18': 'base', '192 18': 'large'},
};

function networkName(configuration: SwinTransformerArgs & UNetParts): string {
  const {variant, embedDim, depths = [], numHeads = [], decoderDepths} = configuration;
  const version = `${decoderDepths ? 'Swin-Unet' : 'Swin'} ${variant === 'v2' ? 'V2' : 'V1'}`;
  const [first, second, third, last] = depths;
  const isPublished = depths.length === 4 && [first, second, last].every((depth) => depth === 2);
  const form = isPublished ? FORMS[`${embedDim} ${third}`] : undefined;
  return form
    ? `${version} ${form}`
    : `${version} of width ${embedDim}, blocks ${depths.join('-')}, heads ${numHeads.join('-')}`;
}

function textOf(found: Omit<CheckpointInspection, 'text'>): string {
  const {configuration, classNames, tensors, missing, problem, notes, origin} = found;
  const number = (value: number) => value.toLocaleString('en-US');
  const types = Object.entries(found.dtypes).map(([dtype, count]) => `${count} ${dtype}`);
  const uses = (['matched', 'resized', 'buffer', 'unexpected'] as const).map(
    (use) => `${tensors.filter((one) => one.use === use).length} ${use}`,
  );
  const classes = configuration?.numClasses;
  const lines: [string, string | undefined][] = [
    ['File', `${found.file}: ${found.format}, ${number(found.bytes)} bytes`],
    ['From', origin ? `${origin.url} (${origin.from}, checked by ${origin.checked})` : undefined],
    ['Layout', found.layout ?? 'unknown'],
    ['Network', found.network ?? 'none of a Swin Transformer'],
    [
      'Window',
      configuration ? (JSON.stringify(configuration.windowSize) ?? 'not told by the file') : undefined,
    ],
    ['Image', configuration?.imageSize === undefined ? undefined : JSON.stringify(configuration.imageSize)],
    [
      'Classes',
      classes === undefined
        ? undefined
        : `${classes}${classNames ? `: ${classNames.slice(0, 3).join('; ')}, ...` : ''}`,
    ],
    ['Numbers', `${number(found.parameters)} parameters in ${tensors.length} tensors: ${types.join(', ')}`],
    ['Loading', problem ?? `${uses.join(', ')}, ${missing.length} missing`],
    ['Missing', missing.length > 0 ? missing.join(', ') : undefined],
    ...notes.map((note): [string, string] => ['Note', note]),
  ];
  const rows = tensors.map(({name, dtype, shape, ours, ourShape, use}) => [
    ...[
      name,
      dtype,
      showShape(shape),
      ours.join(' '),
      ourShape ? showShape(ourShape) : '',
      problem ? '' : use,
    ],
  ]);
  return [
    ...lines.flatMap(([what, text]) => (text === undefined ? [] : [`${what.padEnd(8)} ${text}`])),
    '',
    ...textTable([['tensor', 'dtype', 'shape', 'our name', 'our shape', 'loading'], ...rows], () => false),
  ].join('\n');
}
