/** Functions that return a tf.LayersModel. */
export {type SwinResNetArgs, swinResNet} from './swin_resnet.js';
