/**
 * What a WebGPU adapter says about itself: a line for people, and whether it is a software driver, that is a CPU
 * posing as a GPU (SwiftShader, Mesa's lavapipe and llvmpipe, Microsoft's Basic Render Driver).
 */

/** The fields of GPUAdapterInfo that matter here; which are filled in differs between browsers and Dawn. */
export interface AdapterDescription {
  readonly vendor?: string;
  readonly architecture?: string;
  readonly device?: string;
  readonly description?: string;
  readonly isFallbackAdapter?: boolean;
  /** Not in the standard: Chromium's developer features and some builds of Dawn tell 'CPU' here. */
  readonly adapterType?: string;
}

const softwareNames = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|software/i;

/** Whether the adapter is a software driver, by any of the signs that are in use. */
export function isSoftwareAdapter(info: AdapterDescription): boolean {
  return (
    info.isFallbackAdapter === true ||
    info.adapterType?.toLowerCase() === 'cpu' ||
    [info.vendor, info.architecture, info.device, info.description].some((text) =>
      softwareNames.test(text ?? ''),
    )
  );
}

/** One line such as `nvidia hopper (NVIDIA H200)`. */
export function describeAdapter(info: AdapterDescription): string {
  const name = [info.vendor, info.architecture].filter(Boolean).join(' ');
  const details = info.description || info.device;
  return details ? `${name || 'adapter'} (${details})` : name || 'unnamed adapter';
}
