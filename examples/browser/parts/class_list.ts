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
  private stopCamera = () => {};

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
    this.stopCamera();
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
    const record = button('Record', () => inTurn(() => this.record(one, record, count)));
    const remove = button('Remove', () => {
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

  /** Takes frames of the camera until the button is pressed again. */
  private async record(one: ImageClass, record: HTMLButtonElement, count: HTMLElement): Promise<void> {
    if (record.textContent !== 'Record') return this.stopCamera();
    this.stopCamera();
    const stream = await openCamera();
    const video = element('camera', HTMLVideoElement);
    video.srcObject = stream;
    await video.play();
    video.hidden = false;
    record.textContent = 'Stop recording';
    say(`Recording ${one.name} …`);
    const timer = setInterval(async () => {
      one.images.push(await imageBytes(video));
      count.textContent = `${one.images.length} pictures`;
    }, FRAME_MS);
    this.stopCamera = () => {
      this.stopCamera = () => {};
      clearInterval(timer);
      for (const track of stream.getTracks()) track.stop();
      video.hidden = true;
      say(`${one.name} has ${one.images.length} pictures.`);
      this.changed();
    };
  }
}
