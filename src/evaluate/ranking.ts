/**
 * Computes the area under the ROC curve from the scores of positives and negatives, both sorted ascending in place: the
 * share of pairs of which the positive has the higher score, a tie counting half (Mann & Whitney 1947). Null where one
 * side is empty.
 */
export function auc(positives: Float64Array, negatives: Float64Array): number | null {
  if (positives.length === 0 || negatives.length === 0) return null;
  positives.sort();
  negatives.sort();
  let below = 0;
  let upTo = 0;
  let halves = 0;
  for (let i = 0; i < positives.length; i++) {
    const score = positives[i]!;
    while (below < negatives.length && negatives[below]! < score) below++;
    while (upTo < negatives.length && negatives[upTo]! <= score) upTo++;
    halves += below + upTo;
  }
  return halves / (2 * positives.length * negatives.length);
}
