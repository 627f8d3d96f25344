/** Long sums that keep their digits. */

/** Terms that are added to each other before they are added to the rest. */
const BLOCK = 256;

/** Declares `sum`, of `type`: that of `term`, WGSL over `k`, for k from `begin` up to `end`. Up to BLOCK terms it is the plain sum. */
export const sumOf = (type: string, begin: string, end: string, term: string): string => `
  var sum = ${type}();
  for (var k = ${begin}; k < ${end};) {
    let stop = min(k + ${BLOCK}u, ${end});
    var some = ${type}();
    for (; k < stop; k++) { some += ${term}; }
    sum += some;
  }`;
