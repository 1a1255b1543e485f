// LACUNA_SANITIZED: 1 in a build with a sanitizer that owns malloc, 0 elsewhere. g++ defines a macro, clang answers a
// question.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LACUNA_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LACUNA_SANITIZED 1
#endif
#endif
#ifndef LACUNA_SANITIZED
#define LACUNA_SANITIZED 0
#endif
