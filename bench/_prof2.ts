import * as tf from '@tensorflow/tfjs';
import {setupBackend,swinResNet,AdamW} from 'tfjs-swint';
tf.enableProdMode();
await setupBackend('wasm',{threads:Number(process.env.THREADS??2)});
const net=JSON.parse(process.argv[2]);const B=Number(process.argv[3]??64);
const model=swinResNet({numClasses:10,seed:1,...net});const images=tf.randomNormal([B,3,32,32]);const labels=tf.oneHot(tf.range(0,B,1,'int32').mod(tf.scalar(10,'int32')).cast('int32'),10);const opt=new AdamW({learningRate:1e-4});
const f=()=>opt.minimize(()=>tf.losses.softmaxCrossEntropy(labels,model.apply(images,{training:true}) as tf.Tensor) as tf.Scalar,true) as tf.Scalar;
for(let i=0;i<4;i++)tf.dispose(tf.tidy(f));
{const ts=[];for(let i=0;i<9;i++){const s=performance.now();tf.dispose(tf.tidy(f));ts.push(performance.now()-s)}ts.sort((a,b)=>a-b);console.log('params',model.countParams(),'step median',ts[4].toFixed(1),'img/s',(B/ts[4]*1000).toFixed(0));}
const agg=new Map<string,[number,number]>();
for(const k of tf.getKernelsForBackend('wasm')){const fn=k.kernelFunc;(k as any).kernelFunc=(a:any)=>{const s=performance.now();const r=fn(a);const n=process.env.SHAPES&&k.kernelName.match(process.env.SHAPES)?k.kernelName+' '+Object.values(a.inputs).map((t:any)=>t?.shape?.join('x')).join(' '):k.kernelName;const e=agg.get(n)??[0,0];e[0]+=performance.now()-s;e[1]++;agg.set(n,e);return r}}
const N=6;const s=performance.now();for(let i=0;i<N;i++)tf.dispose(tf.tidy(f));const total=(performance.now()-s)/N;
let sum=0;for(const [,[t]] of agg)sum+=t/N;
console.log('total',total.toFixed(1),'kernels',sum.toFixed(1));
for(const [k,[t,c]] of [...agg].sort((a,b)=>b[1][0]-a[1][0]).slice(0,30)){console.log(k.padEnd(60),(t/N).toFixed(2).padStart(8),'ms',(c/N).toFixed(0))}
process.exit(0);
