// Package gauge tells what a computation takes without doing it: a [Device] that stands in for another, holds of frozen
// weights nothing but their shapes, and runs an operation of each shape a few times to know how long it takes.
//
// A tape that runs on it gives no results. What its operations would take on the other device adds up in
// [Device.Time]; an operation of a shape that was timed before is not run again, so that a model of many equal blocks
// takes the time of one. It promises to touch no memory but that of the operations that it times, and holds a
// stand-in for each shape of weight that they need.
//
// It never reads a file, and knows nothing of models or recipes.
package gauge
