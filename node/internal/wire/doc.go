// Package wire is how ownership messages look between nodes.
//
// A frame is what one node has to say to another at a time: a msgpack array of a version, its Head, the UIDs that the
// messages name, and the messages. A message is an array of its type, the state that travels beside it or nil, and its
// fields in the order of the struct. A UID is written once in a frame, and named by its place after that, 0 being none: it
// would be most of what a frame weighs.
//
// Changes are what partitions that are flows have to say, see ownership.Flow: an array of a version, the session of the
// receiver, the UIDs, and an array for each partition, of the fields of a Change.
//
// # Guarantees
//
//  1. What was appended is what is read, in order.
//  2. A frame is pinned by a golden file, changes by a test, and both change only with their version.
//  3. Bytes never harm: whatever arrives, the worst is an error, and no more memory is taken than some times the frame.
//  4. A reader skips the fields behind those that it knows, and messages of types that it does not know, which it counts.
//
// # What it does not do
//
// It does not know what sections of a state mean, nor who may send what.
//
// # Concurrency
//
// A Frame and Changes are not safe for concurrent use.
package wire
