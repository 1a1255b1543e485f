// Whether AMX tiles may be used: CPUID and XCR0 have them, and the kernel lets this process have the 8 KiB of tile
// data (Linux arms XFD: without permission the first tile instruction is SIGILL).
#pragma once

namespace lacuna {

// Asks once for the whole process and remembers the answer; safe from any thread. True when TILE, BF16 and INT8 are all
// there and permission was given. Ask before threads with small signal stacks exist: the kernel refuses otherwise.
bool RequestTilePermission();

// Only tests that install the AMX emulator call this, before anything asks: RequestTilePermission() then says true
// without asking the kernel, so that tile instructions keep trapping.
void ReportTilesAsEmulated();

// True after ReportTilesAsEmulated(): figures taken then mean nothing, `bench` and `doctor` refuse.
bool TilesAreEmulated();

}  // namespace lacuna
