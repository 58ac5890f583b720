package main

import "slices"

// mutations are the mistakes that must be noticed.
var mutations = slices.Concat(meterMutations, countMutations, logMutations, recordsMutations, denialMutations, pauseMutations)
