// ThreadTeam: the threads that run kernels. The thread that calls Run is worker 0, so a team of one has no threads.
//
//   team->Run([&](int worker, int workers) { ... });                                     a region, on every worker
//   team->Run([&](int w, int n) { A(w, n); team->Barrier(w); B(w, n); });                 steps inside a region
//   team->ParallelFor(blocks, [&](int64_t begin, int64_t end, int worker) { ... });       each block exactly once
//
// Between regions workers spin for 20 us (a decoder's next op comes sooner), then park; an idle team uses no processor.
// Regions of several threads take turns in order of arrival, one region at a time, or one pass at a time with TeamLock.
// Every worker runs under FpScope, the caller for the length of its regions. A region allocates nothing.
// The callables must not throw, must not start a region of the same team, and must all reach the same barriers.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/function_ref.h"
#include "lacuna/status.h"
#include "threading/topology.h"
#include "threading/wait_word.h"

namespace lacuna {

class ThreadTeam {
 public:
  static constexpr int kMaxWorkers = 1024;

  // A team of `workers`, 0 for DefaultThreadCount. Threads are pinned, one a processor, only when the affinity mask is
  // the whole machine, no quota applies and the team is of the default size. kInvalidInput for a number out of range,
  // kIo when the system refuses a thread.
  static Result<std::unique_ptr<ThreadTeam>> Create(int workers = 0);
  static Result<std::unique_ptr<ThreadTeam>> Create(int workers, const Topology& topology);

  // No thread may be in Run or hold a TeamLock.
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int workers() const { return workers_; }
  bool pinned() const { return !cpu_is_taken_.empty(); }

  // Calls fn(worker, workers) once on every worker and returns when all have returned. Everything written before Run
  // is seen in the region, and everything written in the region is seen after it.
  void Run(FunctionRef<void(int worker, int workers)> fn);

  // A region that also shares out blocks 0..blocks-1: inside, each worker calls ForBlocks once. Pieces are dealt as in
  // ParallelFor.
  void Run(int64_t blocks, FunctionRef<void(int worker, int workers)> fn);
  // The same where blocks differ: worker w's own share is [first(w), first(w + 1)), ascending from first(0) = 0; there
  // are first(workers()) blocks.
  void Run(FunctionRef<int64_t(int worker)> first, FunctionRef<void(int worker, int workers)> fn);
  void ForBlocks(int worker, FunctionRef<void(int64_t begin, int64_t end, int worker)> fn, int64_t chunk = 0);

  // Inside a region: returns when every worker has called it. What any worker wrote before is seen by all after.
  void Barrier(int worker);

  // A region over blocks 0..blocks-1. Each worker takes pieces of `chunk` blocks from its own share, ascending, and
  // then from the others' (0: an eighth of a share). fn may be called several times a worker, never with an empty
  // range.
  void ParallelFor(int64_t blocks, FunctionRef<void(int64_t begin, int64_t end, int worker)> fn, int64_t chunk = 0);

 private:
  friend class TeamLock;

  // A worker's share of a ParallelFor: whoever advances `next` owns the blocks it passed.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };
  struct Worker {
    ThreadTeam* team = nullptr;
    int index = 0;
    pthread_t thread = {};
  };

  ThreadTeam(int workers, const Topology& topology);
  Status Start(const std::vector<int>& pin_to);
  static void* ThreadMain(void* worker);
  void Work(int worker);
  void RunLocked(FunctionRef<void(int, int)> fn);
  void SetShares(int64_t blocks);
  void LeavePinnedCpu();
  bool HeldByThisThread() const;
  void Lock();
  void Unlock();

  const int workers_;
  const int64_t spin_ns_;
  std::unique_ptr<Share[]> shares_;
  int64_t share_ = 0;  // the smallest share
  std::unique_ptr<Worker[]> threads_;
  int started_ = 0;                 // threads running, workers 1..started_
  std::vector<char> cpu_is_taken_;  // by processor: belongs to a pinned worker; empty when nothing is pinned
  int first_cpu_ = 0;               // the processor left to the caller
  int64_t last_move_ns_ = 0;

  // One cache line each: the region's number (a change starts it), its end, the barrier, and the lock's two counters.
  WaitWord region_;
  WaitWord done_;
  alignas(64) std::atomic<int> running_{0};  // workers that have not finished the region
  FunctionRef<void(int, int)> const* fn_ = nullptr;
  bool stop_ = false;
  WaitWord barrier_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> next_ticket_{0};
  WaitWord serving_;
  std::atomic<const void*> owner_{nullptr};  // the thread that holds the lock
};

// Holds the team for several regions, a pass of a model: other threads' regions wait until it goes. Taking it again in
// the same thread is allowed and does nothing.
class TeamLock {
 public:
  explicit TeamLock(ThreadTeam& team);
  ~TeamLock();
  TeamLock(const TeamLock&) = delete;
  TeamLock& operator=(const TeamLock&) = delete;

 private:
  ThreadTeam& team_;
  const bool taken_;
};

}  // namespace lacuna
