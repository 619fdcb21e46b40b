/** A handler that is opened on its first invocation, once: env and clients are not touched while Lambda loads the code. */
export function openedOnce<Args extends unknown[], Result>(
  open: () => (...args: Args) => Result,
): (...args: Args) => Result {
  let opened: ((...args: Args) => Result) | undefined;
  return (...args) => {
    opened ??= open();
    return opened(...args);
  };
}
