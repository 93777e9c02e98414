// What the page uses of htm, for tsc. The library itself is htm.js.
declare const htm: {
  bind<Result>(
    h: (type: any, props: any, ...children: any[]) => Result,
  ): (strings: TemplateStringsArray, ...values: any[]) => Result;
};
export default htm;
