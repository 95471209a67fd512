/** Pictures that the classify page draws itself, for a visitor who has none at hand. */
import {contextOf} from './draw_picture.js';
import {make} from './page.js';
import type {Sample} from './picture_field.js';

const SIDE = 256;

/** Draws on a square of SIDE pixels. */
type Drawing = (context: CanvasRenderingContext2D) => void;

/** A sky that gets lighter towards the horizon, and what is below it. */
function landscape(context: CanvasRenderingContext2D, horizon: number, ground: string): void {
  const sky = context.createLinearGradient(0, 0, 0, horizon);
  sky.addColorStop(0, '#5d93c9');
  sky.addColorStop(1, '#cfe2f0');
  context.fillStyle = sky;
  context.fillRect(0, 0, SIDE, horizon);
  context.fillStyle = ground;
  context.fillRect(0, horizon, SIDE, SIDE - horizon);
}

function shape(context: CanvasRenderingContext2D, colour: string, path: string): void {
  context.fillStyle = colour;
  context.fill(new Path2D(path));
}

const ship: Drawing = (context) => {
  landscape(context, 168, '#2c5875');
  shape(context, '#7c2a25', 'M20 150 H236 L212 196 H52 Z');
  shape(context, '#d9dde0', 'M70 116 H190 V150 H70 Z');
  shape(context, '#eceff1', 'M96 88 H160 V116 H96 Z');
  shape(context, '#3c4043', 'M116 52 H140 V88 H116 Z');
  shape(context, '#9fb9c9', 'M0 200 Q64 188 128 200 T256 200 V212 Q192 200 128 212 T0 212 Z');
};

const airplane: Drawing = (context) => {
  landscape(context, SIDE, '#5d93c9');
  shape(
    context,
    '#e9edf0',
    'M24 138 Q30 118 60 118 H196 Q236 124 240 136 Q230 146 196 148 H60 Q32 148 24 138 Z',
  );
  shape(context, '#b9c2c9', 'M112 134 L168 134 L108 206 H84 Z');
  shape(context, '#cbd3d9', 'M118 120 L160 120 L124 70 H106 Z');
  shape(context, '#b23b34', 'M28 124 L62 120 L40 74 H20 Z');
};

const truck: Drawing = (context) => {
  landscape(context, 176, '#6c6f70');
  shape(context, '#f1f1ee', 'M16 60 H164 V184 H16 Z');
  shape(context, '#b3402f', 'M168 96 H214 L240 140 V184 H168 Z');
  shape(context, '#a8cbe0', 'M184 106 H210 L226 136 H184 Z');
  for (const x of [56, 124, 204]) {
    shape(context, '#1c1c1c', `M${x - 24} 190 a24 24 0 1 0 48 0 a24 24 0 1 0 -48 0 Z`);
    shape(context, '#8d9296', `M${x - 9} 190 a9 9 0 1 0 18 0 a9 9 0 1 0 -18 0 Z`);
  }
};

const draw = (drawing: Drawing) => () => {
  const canvas = make('canvas', {width: SIDE, height: SIDE});
  drawing(contextOf(canvas));
  return createImageBitmap(canvas);
};

export const drawings: readonly Sample[] = [
  {name: 'A ship', draw: draw(ship)},
  {name: 'An airplane', draw: draw(airplane)},
  {name: 'A truck', draw: draw(truck)},
];
