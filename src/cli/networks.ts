/** The two networks that `tfjs-swint train` compares: a SwinResNet and its Conv2D twin. */
import type * as tfl from '@tensorflow/tfjs-layers';
import {swinResNet} from '../../architectures/swin_resnet.js';
import type {ImageDataset} from '../data/dataset.js';
import type {LOCALITY, NetworkKind, TrainSettings} from './train_settings.js';

/** What a network is called in tables and reports. */
export function networkName(kind: NetworkKind, depth: number): string {
  return kind === 'swin' ? `SwinResNet-${depth}` : `ResNet-${depth}`;
}

/** The settings that say what a network is. */
type NetworkSettings = Pick<TrainSettings, 'depth' | 'widths' | 'window' | 'dropPath' | 'seed'> &
  Partial<Pick<TrainSettings, (typeof LOCALITY)[number] | 'progressiveResizing'>>;

/** @throws ConfigError for a depth, widths, window or rate that the network cannot have. */
export function buildNetwork(
  kind: NetworkKind,
  {depth, widths, window, dropPath, seed, progressiveResizing, ...locality}: NetworkSettings,
  {channels, height, width, classNames}: ImageDataset,
): tfl.LayersModel {
  return swinResNet({
    depth,
    // Images that grow want a network of free sizes.
    inputShape: progressiveResizing ? [channels, null, null] : [channels, height, width],
    numClasses: classNames.length,
    convolution: kind === 'conv',
    seed,
    ...(widths === null ? {} : {widths}),
    // To the twin of depth 10 too: it is as wide as windows and locality cost.
    ...(window === null ? {} : {windowSize: window}),
    mlpConvolution: locality.mlpConvolution ?? undefined,
    positionConvolution: locality.positionConvolution ?? undefined,
    valueConvolution: locality.valueConvolution ?? undefined,
    layerScale: locality.layerScale ?? undefined,
    // Means nothing to a convolution.
    ...(kind === 'swin' && dropPath > 0 ? {dropPath} : {}),
  });
}
