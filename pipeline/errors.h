#pragma once

#include <stdexcept>

namespace sluice {

/// Something outside does not work now and may work later, unchanged: a lost connection, a full
/// disk, a missing permission. Never turns a record into a dead letter. The text ends with what to
/// do where a person is needed.
class TroubleOfTheWorld : public std::runtime_error {
    using runtime_error::runtime_error;
};

/// The configuration, or what it points to, is wrong: trying again unchanged will not help. The
/// text says where, what, and what to do.
class WrongConfiguration : public std::runtime_error {
    using runtime_error::runtime_error;
};

}  // namespace sluice
