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

/// A record was rejected and on_reject = "stop" holds the pipeline there. The text says which
/// record and why.
class RejectedRecord : public std::runtime_error {
    using runtime_error::runtime_error;
};

/// More records were rejected than max_rejects bears. Nothing of it passes by itself: the pipeline
/// is held until a person lets it go on. The text says how many, and how to go on.
class TooManyRejects : public std::runtime_error {
    using runtime_error::runtime_error;
};

/// Progress cannot be continued as it stands, and on_offset_lost = "stop" leaves the choice to a
/// person. The text says where, what happened, and what can be chosen.
class LostProgress : public std::runtime_error {
    using runtime_error::runtime_error;
};

}  // namespace sluice
