/** The list of classes of the train page: their names and images, which a person adds, records and removes. */
import {type ImageClass, imageBytes, thumbnail} from './class_images.js';
import {element, inTurn, make, say} from './page.js';
import {button, openCamera, pictureOf} from './picture_field.js';

/** Images of a class that are shown. */
const SHOWN = 24;
/** Milliseconds from one frame of the camera to the next. */
const FRAME_MS = 150;

export class ClassList {
  classes: ImageClass[] = [];
  /** The class that the camera takes pictures for, and how that is ended. */
  private recording: {one: ImageClass; stop(): void} | undefined;
  private readonly counts = new Map<ImageClass, HTMLElement>();

  /** @param onChange called after every change. */
  constructor(
    private readonly place: HTMLElement,
    private readonly onChange: () => void,
  ) {}

  /** Adds classes; images of a class that is there join it. */
  add(more: readonly ImageClass[]): void {
    for (const {name, images} of more) {
      const known = this.classes.find((one) => one.name === name);
      if (known) known.images.push(...images);
      else this.classes.push({name, images: [...images]});
    }
    this.changed();
  }

  /** Adds an empty class with a name that is free. */
  addEmpty(): void {
    let number = this.classes.length + 1;
    while (this.classes.some(({name}) => name === `class ${number}`)) number++;
    this.add([{name: `class ${number}`, images: []}]);
  }

  show(): void {
    this.place.replaceChildren(...this.classes.map((one) => this.card(one)));
  }

  private changed(): void {
    this.show();
    this.onChange();
  }

  private card(one: ImageClass): HTMLElement {
    const name = make('input', {type: 'text', value: one.name, ariaLabel: 'Name of the class'});
    name.addEventListener('change', () => {
      const taken = this.classes.some((other) => other !== one && other.name === name.value.trim());
      if (name.value.trim() && !taken) one.name = name.value.trim();
      this.changed();
    });
    const files = make('input', {type: 'file', accept: 'image/*', multiple: true});
    files.addEventListener('change', () => inTurn(() => this.addFiles(one, [...(files.files ?? [])])));
    const count = make('span', {className: 'quiet'}, `${one.images.length} pictures`);
    const thumbs = make('div', {className: 'thumbs'}, ...one.images.slice(-SHOWN).map(thumbnail));
    this.counts.set(one, count);
    const record = button(this.recording?.one === one ? 'Stop recording' : 'Record', () =>
      inTurn(() => this.record(one)),
    );
    const remove = button('Remove', () => {
      if (this.recording?.one === one) this.recording.stop();
      this.classes = this.classes.filter((other) => other !== one);
      this.changed();
    });
    const row = make(
      'div',
      {className: 'row'},
      ...[name, make('label', {className: 'button file'}, 'Add pictures', files), record, remove, count],
    );
    return make('div', {className: 'class', role: 'group', ariaLabel: `Class ${one.name}`}, row, thumbs);
  }

  private async addFiles(one: ImageClass, files: readonly File[]): Promise<void> {
    for (const file of files) {
      const picture = await pictureOf(file);
      one.images.push(await imageBytes(picture));
      picture.close();
    }
    this.changed();
  }

  /** Takes frames of the camera for a class, or ends that; a recording of another class ends. */
  private async record(one: ImageClass): Promise<void> {
    const before = this.recording;
    before?.stop();
    if (before?.one === one) return;
    const stream = await openCamera();
    const video = element('camera', HTMLVideoElement);
    video.srcObject = stream;
    await video.play();
    video.hidden = false;
    const timer = setInterval(async () => {
      one.images.push(await imageBytes(video));
      this.counts.get(one)!.textContent = `${one.images.length} pictures`;
    }, FRAME_MS);
    const stop = () => {
      this.recording = undefined;
      clearInterval(timer);
      for (const track of stream.getTracks()) track.stop();
      video.hidden = true;
      say(`${one.name} has ${one.images.length} pictures.`);
      this.changed();
    };
    this.recording = {one, stop};
    say(`Recording ${one.name} …`);
    this.show();
  }
}
