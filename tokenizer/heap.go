package tokenizer

// before orders what lies on a heap: the least is on top.
type before[T any] interface{ before(T) bool }

// push puts c on a binary heap.
func push[T before[T]](heap []T, c T) []T {
	heap = append(heap, c)
	for i := len(heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !heap[i].before(heap[parent]) {
			break
		}
		heap[i], heap[parent] = heap[parent], heap[i]
		i = parent
	}
	return heap
}

// pop takes the least off a heap that is not empty.
func pop[T before[T]](heap []T) (T, []T) {
	top, last := heap[0], len(heap)-1
	heap[0] = heap[last]
	heap = heap[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return top, heap
		}
		if child+1 < last && heap[child+1].before(heap[child]) {
			child++
		}
		if !heap[child].before(heap[i]) {
			return top, heap
		}
		heap[i], heap[child] = heap[child], heap[i]
		i = child
	}
}
