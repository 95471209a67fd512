/**
 * The field that gives a page its picture: a file that is dropped, pasted or chosen, a frame of the camera, or a sample.
 */
import {inTurn, make} from './page.js';

export interface Sample {
  /** What the button says. */
  name: string;
  draw(): Promise<ImageBitmap>;
}

export interface PictureFieldArgs {
  samples: readonly Sample[];
  onPicture(picture: ImageBitmap): Promise<void>;
  /** Takes files that are no pictures; true where they are the page's. */
  onOtherFiles?(files: readonly File[]): boolean;
}

/** Fills `place` with the field, and takes files that are dropped or pasted anywhere on the page. */
export function pictureField(place: HTMLElement, args: PictureFieldArgs): void {
  const {samples, onPicture, onOtherFiles} = args;
  const take = (files: Iterable<File> = []) => {
    const [first, ...others] = files;
    if (!first || onOtherFiles?.([first, ...others])) return;
    inTurn(async () => onPicture(await pictureOf(first)));
  };
  const input = make('input', {type: 'file', accept: 'image/*'});
  input.addEventListener('change', () => {
    take(input.files ?? []);
    input.value = ''; // So that the same file can be chosen again.
  });
  const buttons = samples.map(({name, draw}) =>
    button(name, () => inTurn(async () => onPicture(await draw()))),
  );
  const zone = make(
    'div',
    {className: 'drop'},
    make('p', {}, 'Drop a picture here, paste one, or'),
    make(
      'div',
      {className: 'row'},
      make('label', {className: 'button file'}, 'Choose a picture', input),
      camera((frame) => inTurn(() => onPicture(frame))),
      ...buttons,
    ),
  );
  place.replaceChildren(zone);
  takeDrops(zone, ({files}) => take(files));
  document.addEventListener('paste', (event) => take(event.clipboardData?.files));
}

/** Calls `take` with what is dropped anywhere on the page, and lights up `zone` meanwhile. */
export function takeDrops(zone: HTMLElement, take: (dropped: DataTransfer) => void): void {
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    zone.classList.add('over');
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) zone.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    if (event.dataTransfer?.files.length) take(event.dataTransfer);
  });
}

export function button(text: string, onClick: () => void): HTMLButtonElement {
  const made = make('button', {type: 'button'}, text);
  made.addEventListener('click', onClick);
  return made;
}

/** Decodes a file. Throws an Error that names it where the browser cannot. */
export async function pictureOf(file: Blob & {name?: string}): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file);
  } catch (cause) {
    throw new Error(`${file.name ?? 'The file'} is no picture that this browser can read.`, {cause});
  }
}

/** The button of the camera and, once it is on, its picture and the buttons that take a frame and turn it off. */
function camera(take: (frame: ImageBitmap) => void): HTMLElement {
  const video = make('video', {muted: true, playsInline: true, ariaLabel: 'Camera'});
  let stream: MediaStream | undefined;
  const stop = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = undefined;
    view.hidden = true;
    start.disabled = false;
  };
  const start = button('Use the camera', () =>
    inTurn(async () => {
      stream = await openCamera();
      video.srcObject = stream;
      await video.play();
      view.hidden = false;
      start.disabled = true;
    }),
  );
  const shoot = button('Take the picture', async () => take(await createImageBitmap(video)));
  const view = make('div', {hidden: true}, video, shoot, ' ', button('Turn the camera off', stop));
  return make('div', {}, start, view);
}

/** Throws an Error in plain words where there is no camera, or no leave to use it. */
export async function openCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices) {
    throw new Error('The camera needs a page served over https or from this machine.');
  }
  try {
    return await navigator.mediaDevices.getUserMedia({video: {facingMode: 'environment'}});
  } catch (cause) {
    throw new Error(`The camera cannot be used: ${(cause as Error).message}.`, {cause});
  }
}
