/** Events in order of time; of two at the same time the one added first. */
export interface TimedEvent<Kind extends string> {
  readonly day: number;
  readonly kind: Kind;
  readonly index: number;
}

export function createEventHeap<Kind extends string>() {
  const heap: (TimedEvent<Kind> & { readonly order: number })[] = [];
  let added = 0;
  const isBefore = (left: number, right: number): boolean => {
    const [a, b] = [heap[left], heap[right]];
    return a !== undefined && b !== undefined && (a.day < b.day || (a.day === b.day && a.order < b.order));
  };
  const swap = (left: number, right: number): void => {
    const [a, b] = [heap[left], heap[right]];
    if (a && b) [heap[left], heap[right]] = [b, a];
  };
  return {
    add(day: number, kind: Kind, index: number): void {
      if (day === Number.POSITIVE_INFINITY) return;
      heap.push({ day, kind, index, order: added++ });
      for (let at = heap.length - 1; at > 0 && isBefore(at, (at - 1) >> 1); at = (at - 1) >> 1) swap(at, (at - 1) >> 1);
    },
    /** The next event before `day`. */
    take(day: number): TimedEvent<Kind> | undefined {
      const first = heap[0];
      if (!first || first.day >= day) return undefined;
      const last = heap.pop();
      if (heap.length === 0 || !last) return first;
      heap[0] = last;
      for (let at = 0; ; ) {
        const [left, right] = [2 * at + 1, 2 * at + 2];
        const least = isBefore(right, left) ? right : left;
        if (!isBefore(least, at)) return first;
        swap(least, at);
        at = least;
      }
    },
  };
}
