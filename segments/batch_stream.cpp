#include "segments/batch_stream.h"

#include <algorithm>
#include <utility>

namespace sluice::segments {
namespace {

/// Large enough to cost little each, small enough for all segments to have something to do.
std::size_t block_size(std::size_t bytes, std::size_t segments) {
    constexpr std::size_t least = 32u << 10;
    constexpr std::size_t most = 1u << 20;
    constexpr std::size_t for_each_segment = 4;
    return std::clamp(bytes / (segments * for_each_segment), least, most);
}

}  // namespace

/// What one segment gets.
class BatchStream::Part : public Reading {
public:
    Part(BatchStream& stream, std::size_t segment) : stream_(stream), segment_(segment) {}
    ~Part() override {
        if (!finished_)
            stream_.fail("segment " + std::to_string(segment_) + " did not take all of its rows");
    }
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

    [[nodiscard]] std::optional<std::string_view> next() override {
        if (!stream_.delivery_.failure.empty()) throw ReadingFailed(stream_.delivery_.failure);
        return stream_.take();
    }
    void finish() override { finished_ = true; }

private:
    BatchStream& stream_;
    const std::size_t segment_;
    bool finished_ = false;
};

BatchStream::BatchStream(const EncodedRows& rows, std::string over, std::size_t most_segments)
    : rows_(rows), over_(std::move(over)), most_segments_(most_segments) {}

std::variant<std::unique_ptr<Reading>, Refusal> BatchStream::begin(const Request& request) {
    if (request.scan == over_) return Refusal{409, "that statement is over"};
    if (delivery_.scan.empty()) {
        delivery_.scan = request.scan;
        delivery_.waited = Clock::now() - offered_;
        block_ = block_size(rows_.bytes.size(), request.segments);
    }
    if (request.scan != delivery_.scan) return Refusal{409, "another statement reads this"};
    if (!asked_.insert(request.segment).second) {
        // Whatever it got the first time, it may have thrown away.
        const std::string why = "segment " + std::to_string(request.segment) + " asked twice";
        fail(why);
        return Refusal{409, why};
    }
    moved_ = Clock::now();
    delivery_.segments = std::min(request.segments, most_segments_);
    all_asked_ = asked_.size() >= delivery_.segments;
    if (!delivery_.failure.empty()) return Refusal{409, delivery_.failure};
    ++delivery_.readers;
    return std::make_unique<Part>(*this, request.segment);
}

std::optional<std::string_view> BatchStream::take() {
    moved_ = Clock::now();
    const std::size_t first = delivery_.rows;
    if (first == rows_.rows.size()) return std::nullopt;
    const std::size_t begin = rows_.begin_of(first);
    const auto row = rows_.rows.begin() + static_cast<std::ptrdiff_t>(first);
    auto end =
        std::ranges::upper_bound(row, rows_.rows.end(), begin + block_, {}, &EncodedRows::Row::end);
    if (end == row) ++end;  // one that is larger than a block
    delivery_.rows += static_cast<std::size_t>(end - row);
    return std::string_view(rows_.bytes).substr(begin, std::prev(end)->end - begin);
}

std::chrono::milliseconds BatchStream::missing_for() const {
    if (all_asked_) return {};
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - moved_.load());
}

void BatchStream::fail(const std::string& why) {
    if (delivery_.failure.empty()) delivery_.failure = why;
}

}  // namespace sluice::segments
