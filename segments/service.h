#pragma once

#include "segments/request.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::segments {

/// The segment is told what, and its statement fails.
class ReadingFailed : public std::runtime_error {
    using runtime_error::runtime_error;
};

/// What one segment reads in answer to one request. Used by the server's thread. Destroyed without
/// finish(): the segment has not got the end of it.
class Reading {
public:
    virtual ~Reading() = default;
    /// Whether next() has an answer by now. Where not, `ready` is called when it has, or before, to
    /// see whether the segment is still there; at most once, by any thread, also after the reading
    /// has ended.
    [[nodiscard]] virtual bool is_ready(const std::function<void()>& ready) {
        static_cast<void>(ready);
        return true;
    }
    /// Does not wait. Whole rows, which stay where they are up to the next call; nullopt: there are
    /// no more. Throws ReadingFailed.
    [[nodiscard]] virtual std::optional<std::string_view> next() = 0;
    /// How much longer than the server's limits say the segment may leave a block unread.
    [[nodiscard]] virtual std::chrono::milliseconds patience() const { return {}; }
    /// All of it has been sent, and that it ends.
    virtual void finish() = 0;
};

/// A block of rows that one segment writes by one request. Used by the server's thread. Destroyed
/// before there is an outcome: the segment is not there any more to hear it.
class Writing {
public:
    virtual ~Writing() = default;
    /// Once, before all else. Does not wait.
    virtual void put(std::string block) = 0;
    /// Whether there is an outcome by now; `ready` as Reading has it.
    [[nodiscard]] virtual bool is_ready(const std::function<void()>& ready) = 0;
    /// nullopt: the block is where it was to go.
    [[nodiscard]] virtual std::optional<Refusal> outcome() = 0;
};

/// What is to be had under one path, or under all that begin with it as their first part. Used by
/// the server's thread.
class Service {
public:
    virtual ~Service() = default;
    [[nodiscard]] virtual std::variant<std::unique_ptr<Reading>, Refusal> begin(
        const Request& request) = 0;
    [[nodiscard]] virtual std::variant<std::unique_ptr<Writing>, Refusal> begin_writing(
        const Request& request) {
        static_cast<void>(request);
        return Refusal{405, "rows are read here, by GET"};
    }
};

}  // namespace sluice::segments
