// LACUNA_DCHECK(condition): a mistake of the programmer, checked in builds without NDEBUG (debug, asan, tsan) and
// free in release. Bad input is never checked this way: it is a Status.
#pragma once

#include <cassert>

#ifdef NDEBUG
#define LACUNA_DCHECK(condition) static_cast<void>(sizeof(!(condition)))  // names stay used, nothing is evaluated
#else
#define LACUNA_DCHECK(condition) assert(condition)
#endif
