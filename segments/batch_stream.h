#pragma once

#include "pipeline/batch.h"
#include "segments/service.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <set>
#include <string>

namespace sluice::segments {

/// What became of rows that were on offer.
struct Delivery {
    std::size_t rows = 0;      ///< that some segment was sent, each once
    std::size_t readers = 0;   ///< segments that asked
    std::size_t segments = 0;  ///< that may, as one of them has said; 0: none did
    std::string scan;          ///< the statement's that read them; empty: none did
    std::string failure;       ///< why the statement that read them cannot have succeeded; or empty
    /// Until the first segment asked.
    std::chrono::duration<double> waited{};
};

/// Rows of a batch in COPY's text form, each to whichever segment of one statement asks first, and
/// to no other, whatever becomes of it: what a segment was sent and did not take is lost, and the
/// statement with it. Used by the server's thread while it serves; the rows must outlive it.
class BatchStream : public Service {
public:
    /// `over`: a scan that has been and gone. `most_segments`: no more of them ask.
    BatchStream(const EncodedRows& rows, std::string over, std::size_t most_segments);

    [[nodiscard]] std::variant<std::unique_ptr<Reading>, Refusal> begin(
        const Request& request) override;
    [[nodiscard]] const Delivery& delivery() const { return delivery_; }
    /// How long nothing has happened, where some segment has not asked yet. From any thread.
    [[nodiscard]] std::chrono::milliseconds missing_for() const;

private:
    class Part;

    [[nodiscard]] std::optional<std::string_view> take();
    void fail(const std::string& why);

    const EncodedRows& rows_;
    const std::string over_;
    const std::size_t most_segments_;
    using Clock = std::chrono::steady_clock;
    const Clock::time_point offered_ = Clock::now();
    std::atomic<Clock::time_point> moved_ = offered_;
    std::atomic<bool> all_asked_ = false;
    std::size_t block_ = 0;        ///< in bytes
    std::set<std::size_t> asked_;  ///< segments
    Delivery delivery_;
};

}  // namespace sluice::segments
