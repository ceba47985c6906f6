#pragma once

/// Places at which a crash test ends, freezes or fails the process:
/// SLUICE_FAIL_POINT("after_copy"). The environment arms them,
/// SLUICE_FAIL_POINT="after_copy:3=kill,before_commit=stop": at the third (default: first) hit,
/// kill is SIGKILL, stop is SIGSTOP, both to ourselves. Compiled in by the CMake option
/// SLUICE_FAIL_POINTS only; the release build has none.
#ifdef SLUICE_FAIL_POINTS
namespace sluice {
void hit_fail_point(const char* name);
}
#define SLUICE_FAIL_POINT(name) ::sluice::hit_fail_point(name)
#else
#define SLUICE_FAIL_POINT(name) static_cast<void>(0)
#endif
