/** What went wrong, in words that are shown in the page as they stand. */
export class Problem extends Error {}
