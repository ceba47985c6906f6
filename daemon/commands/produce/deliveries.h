#pragma once

#include "kafka/producer.h"

#include <cstdint>
#include <deque>
#include <vector>

namespace sluice {

/// Which lines of a file Kafka has. Lines are numbered from 0, and each is told of once: sent or
/// passed over. One thread.
class Deliveries : public kafka::DeliveryListener {
public:
    struct Failure {
        std::uint64_t line = 0;
        rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    };
    /// Kept of those that failed; all are counted.
    static constexpr std::size_t most_failures = 10;

    /// Lines before `first` do not matter.
    explicit Deliveries(std::uint64_t first) : complete_(first) {}

    void count_sent() { ++sent_; }
    /// There was nothing to send.
    void pass(std::uint64_t line) { settle(line); }
    void on_acknowledged(std::uint64_t line) override {
        ++acknowledged_;
        settle(line);
    }
    void on_failed(std::uint64_t line, rd_kafka_resp_err_t code) override {
        ++failed_;
        if (failures_.size() < most_failures) failures_.push_back({line, code});
    }

    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
    [[nodiscard]] std::uint64_t failed() const { return failed_; }
    [[nodiscard]] const std::vector<Failure>& failures() const { return failures_; }
    /// Kafka has everything before this line.
    [[nodiscard]] std::uint64_t complete() const { return complete_; }

private:
    void settle(std::uint64_t line) {
        const std::size_t at = line - complete_;
        if (at >= settled_.size()) settled_.resize(at + 1, false);
        settled_[at] = true;
        for (; !settled_.empty() && settled_.front(); ++complete_) settled_.pop_front();
    }

    std::uint64_t sent_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t failed_ = 0;
    std::vector<Failure> failures_;
    std::uint64_t complete_;
    std::deque<bool> settled_;  // from complete_ on; as long as what is under way
};

}  // namespace sluice
