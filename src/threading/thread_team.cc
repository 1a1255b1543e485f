#include "threading/thread_team.h"

#include <sched.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "base/check.h"
#include "base/fp_scope.h"

namespace lacuna {
namespace {

constexpr int64_t kSpinNs = 20'000;
constexpr int64_t kMoveIntervalNs = 50'000'000;

thread_local char t_self;                           // its address is this thread's identity
thread_local const ThreadTeam* t_region = nullptr;  // the team whose region this thread is in

// Marks the calling thread as inside a region of `team`, with the contract's floating-point environment.
class RegionScope {
 public:
  explicit RegionScope(const ThreadTeam* team) : outer_(t_region) { t_region = team; }
  ~RegionScope() { t_region = outer_; }

 private:
  FpScope fp_;
  const ThreadTeam* outer_;
};

// Signals go to the program's own threads. Faults stay deliverable: a blocked one would kill the process even where a
// handler is installed (the tests' AMX emulator is one); so does the profiler's.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t set;
    sigfillset(&set);
    for (int fault : {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP, SIGSYS, SIGABRT, SIGPROF}) sigdelset(&set, fault);
    pthread_sigmask(SIG_BLOCK, &set, &saved_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }

 private:
  sigset_t saved_;
};

// One processor a core first, then the second of each, and so on: worker w belongs on the w-th.
std::vector<int> Slots(const Topology& topology) {
  std::vector<int> slots;
  for (size_t sibling = 0; slots.size() < topology.cpus.size(); ++sibling) {
    for (const auto& core : topology.cores) {
      if (sibling < core.size()) slots.push_back(core[sibling]);
    }
  }
  return slots;
}

}  // namespace

Result<std::unique_ptr<ThreadTeam>> ThreadTeam::Create(int workers) { return Create(workers, ReadTopology()); }

Result<std::unique_ptr<ThreadTeam>> ThreadTeam::Create(int workers, const Topology& topology) {
  if (workers < 0 || workers > kMaxWorkers) {
    return InvalidInput("the number of threads is " + std::to_string(workers) + ": use 1 to " +
                        std::to_string(kMaxWorkers) + ", or 0 for the machine's default");
  }
  const int standard = DefaultThreadCount(topology);
  std::unique_ptr<ThreadTeam> team(new ThreadTeam(workers == 0 ? standard : workers, topology));
  std::vector<int> pin_to;
  if (team->workers_ == standard && topology.WholeMachine() && topology.cpus.back() < CPU_SETSIZE) {
    pin_to = Slots(topology);
  }
  if (Status status = team->Start(pin_to); !status.ok()) return status;
  return team;
}

// More threads than processors: whoever spins keeps the one it waits for from running.
ThreadTeam::ThreadTeam(int workers, const Topology& topology)
    : workers_(workers),
      spin_ns_(workers <= static_cast<int>(topology.cpus.size()) ? kSpinNs : 0),
      shares_(new Share[workers]),
      threads_(new Worker[workers]) {}

Status ThreadTeam::Start(const std::vector<int>& pin_to) {
  BlockSignals block;
  for (int w = 1; w < workers_; ++w) {
    threads_[w].team = this;
    threads_[w].index = w;
    if (const int error = pthread_create(&threads_[w].thread, nullptr, &ThreadMain, &threads_[w]); error != 0) {
      return IoError("cannot start thread " + std::to_string(w + 1) + " of " + std::to_string(workers_) + ": " +
                     std::strerror(error) + "; use fewer threads");
    }
    started_ = w;
    pthread_setname_np(threads_[w].thread, ("lacuna-" + std::to_string(w)).c_str());
    if (pin_to.empty()) continue;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(pin_to[w], &set);
    if (pthread_setaffinity_np(threads_[w].thread, sizeof(set), &set) == 0) {
      cpu_is_taken_.resize(std::max<size_t>(cpu_is_taken_.size(), pin_to[w] + 1), 0);
      cpu_is_taken_[pin_to[w]] = 1;
      first_cpu_ = pin_to[0];
    }
  }
  return {};
}

ThreadTeam::~ThreadTeam() {
  LACUNA_DCHECK(t_region != this && owner_.load() == nullptr);
  stop_ = true;
  region_.Set(region_.Get() + 1);
  for (int w = 1; w <= started_; ++w) pthread_join(threads_[w].thread, nullptr);
}

void* ThreadTeam::ThreadMain(void* worker) {
  const Worker* self = static_cast<const Worker*>(worker);
  self->team->Work(self->index);
  return nullptr;
}

void ThreadTeam::Work(int worker) {
  FpScope fp;  // for life; RegionScope repeats it for a few cycles, in case a region's code changed it
  // Regions count from 1, and each is waited for by all: no worker can miss one or see one twice.
  for (uint32_t region = 0;;) {
    region_.WaitWhile(region, spin_ns_);
    ++region;
    if (stop_) return;
    {
      RegionScope scope(this);
      (*fn_)(worker, workers_);
    }
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_.Set(region);
  }
}

void ThreadTeam::RunLocked(FunctionRef<void(int, int)> fn) {
  if (workers_ > 1) {
    if (!cpu_is_taken_.empty()) LeavePinnedCpu();
    fn_ = &fn;
    running_.store(workers_ - 1, std::memory_order_relaxed);
    region_.Set(region_.Get() + 1);
  }
  {
    RegionScope scope(this);
    fn(0, workers_);
  }
  if (workers_ > 1) done_.WaitWhile(region_.Get() - 1, spin_ns_);
}

void ThreadTeam::Run(FunctionRef<void(int, int)> fn) {
  TeamLock lock(*this);
  RunLocked(fn);
}

void ThreadTeam::Barrier(int worker) {
  LACUNA_DCHECK(t_region == this && worker >= 0 && worker < workers_);
  // Read before arriving: the generation cannot change until this worker has arrived.
  const uint32_t generation = barrier_.Get();
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == workers_) {
    arrived_.store(0, std::memory_order_relaxed);
    barrier_.Set(generation + 1);
  } else {
    barrier_.WaitWhile(generation, spin_ns_);
  }
}

void ThreadTeam::ParallelFor(int64_t blocks, FunctionRef<void(int64_t, int64_t, int)> fn, int64_t chunk) {
  if (blocks <= 0) return;
  TeamLock lock(*this);
  if (workers_ == 1 || blocks == 1) {
    RegionScope scope(this);
    fn(0, blocks, 0);
    return;
  }
  SetShares(blocks);
  RunLocked([this, chunk, fn](int worker, int) { ForBlocks(worker, fn, chunk); });
}

void ThreadTeam::Run(int64_t blocks, FunctionRef<void(int, int)> fn) {
  TeamLock lock(*this);
  SetShares(std::max<int64_t>(blocks, 0));
  RunLocked(fn);
}

void ThreadTeam::Run(FunctionRef<int64_t(int)> first, FunctionRef<void(int, int)> fn) {
  TeamLock lock(*this);
  int64_t begin = 0;
  share_ = std::numeric_limits<int64_t>::max();
  for (int w = 0; w < workers_; ++w) {
    const int64_t end = std::max(begin, first(w + 1));
    shares_[w].next.store(begin, std::memory_order_relaxed);
    shares_[w].end = end;
    share_ = std::min(share_, end - begin);
    begin = end;
  }
  RunLocked(fn);
}

void ThreadTeam::SetShares(int64_t blocks) {
  // Quotient and remainder, so that blocks * workers cannot overflow.
  const int64_t share = blocks / workers_, extra = blocks % workers_;
  int64_t begin = 0;
  for (int w = 0; w < workers_; ++w) {
    shares_[w].next.store(begin, std::memory_order_relaxed);
    begin += share + (w < extra);
    shares_[w].end = begin;
  }
  share_ = share;
}

void ThreadTeam::ForBlocks(int worker, FunctionRef<void(int64_t, int64_t, int)> fn, int64_t chunk) {
  if (chunk <= 0) chunk = std::max<int64_t>(1, share_ / 8);
  for (int i = 0; i < workers_; ++i) {
    Share& share = shares_[worker + i < workers_ ? worker + i : worker + i - workers_];
    // The load keeps late thieves from writing to the line; `next` passes the end by at most a chunk a worker.
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      const int64_t begin = share.next.fetch_add(chunk, std::memory_order_relaxed);
      if (begin >= share.end) break;
      fn(begin, std::min(begin + chunk, share.end), worker);
    }
  }
}

// A pinned worker cannot step aside for a caller that the scheduler left on its processor: they would take turns there
// beside an idle one. Moving the caller once is enough, it stays until the scheduler has a reason; not more often than
// every 50 ms, should that reason be another program on the caller's processor.
void ThreadTeam::LeavePinnedCpu() {
  const int cpu = sched_getcpu();
  if (cpu < 0 || cpu >= static_cast<int>(cpu_is_taken_.size()) || !cpu_is_taken_[cpu]) return;
  timespec now_spec;
  clock_gettime(CLOCK_MONOTONIC, &now_spec);
  const int64_t now = int64_t{now_spec.tv_sec} * 1'000'000'000 + now_spec.tv_nsec;
  if (now - last_move_ns_ < kMoveIntervalNs) return;
  last_move_ns_ = now;
  cpu_set_t mask, first;
  CPU_ZERO(&first);
  CPU_SET(first_cpu_, &first);
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0 || !CPU_ISSET(first_cpu_, &mask)) return;
  if (sched_setaffinity(0, sizeof(first), &first) == 0) sched_setaffinity(0, sizeof(mask), &mask);
}

bool ThreadTeam::HeldByThisThread() const { return owner_.load(std::memory_order_relaxed) == &t_self; }

void ThreadTeam::Lock() {
  const uint32_t ticket = next_ticket_.fetch_add(1, std::memory_order_relaxed);
  for (uint32_t now = serving_.Get(); now != ticket; now = serving_.Get()) serving_.WaitWhile(now, spin_ns_);
  owner_.store(&t_self, std::memory_order_relaxed);
}

void ThreadTeam::Unlock() {
  owner_.store(nullptr, std::memory_order_relaxed);
  serving_.Set(serving_.Get() + 1);
}

TeamLock::TeamLock(ThreadTeam& team) : team_(team), taken_(!team.HeldByThisThread()) {
  // Not from inside a region: it would wait for itself, or for the worker that waits here.
  LACUNA_DCHECK(t_region != &team);
  if (taken_) team_.Lock();
}

TeamLock::~TeamLock() {
  if (taken_) team_.Unlock();
}

}  // namespace lacuna
