/** Never loads. */
const timer = setInterval(() => {}, 1_000);
await new Promise(() => {});
clearInterval(timer);
export const adapter = (): void => {};
