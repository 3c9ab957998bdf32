// How rows are read ahead and written. It stands behind train/vector.cl and train/group.cl and is no
// program by itself.
//
// Parameters
//   NT         stores past the caches, where the compiler has them: for CPUs, matrices that do not    0, 1
//              fit their caches, and rows of whole vectors at multiples of 4 VW bytes
//   PREFETCH   prefetch instructions, where the compiler has them; a simulator may refuse them        0, 1

#ifndef NT
#define NT 0
#endif
#ifndef PREFETCH
#define PREFETCH 1
#endif

// The OpenCL function prefetch() is empty in some CPU runtimes; the compilers' own builtin is not.
#if PREFETCH && WG == 1 && defined(__has_builtin)
#if __has_builtin(__builtin_prefetch)
// Asks for what comes a row after p: 1024 floats at least, as memory takes longer to answer than a narrow row
// to be read. A wider one leaves no room for the next in the first cache.
#define READ_AHEAD(p, width) \
    ((width) > 1024 ? __builtin_prefetch((p) + (width), 0, 2) : __builtin_prefetch((p) + 1024, 0, 3))
#endif
#endif
#ifndef READ_AHEAD
#define READ_AHEAD(p, width)
#endif

#if NT && defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#define PUT(p, v, left) __builtin_nontemporal_store(v, (__global wide *)(p))
#endif
#endif
#ifndef PUT
#define PUT(p, v, left) put(p, v, left)
#endif
