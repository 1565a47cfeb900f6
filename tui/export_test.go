package tui

// BatchPending lets tests reckon with how much may wait for the loop.
const BatchPending = batchPending
