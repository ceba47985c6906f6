#pragma once

#include "pipeline/decode/avro/avro_plan.h"
#include "pipeline/decode/avro/avro_walk.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Follows plans through records. One thread: keeps the memory that values of the latest record
/// point into.
class AvroReader {
public:
    /// All of `bytes` is one value of the plan's schema. RecordLog::padding readable bytes stand
    /// behind them. False: see error().
    [[nodiscard]] bool read(const AvroPlan& plan, std::string_view bytes, std::span<Value> slots,
                            std::vector<Reason>* extra);

    struct Error {
        std::string what;          ///< which field, and what is wrong with it
        std::size_t position = 0;  ///< in bytes, from 0
    };
    [[nodiscard]] Error error() const;

private:
    // Each begins at a step, and says where it failed.
    bool run(std::uint32_t number);
    bool run_slowly(std::uint32_t number);
    bool render(std::uint32_t number);
    bool find_in_map(const AvroPlan::Search& search, std::uint32_t number);
    bool find_in_array(const AvroPlan::Search& search, std::uint32_t number);
    bool skip(std::uint32_t type, std::uint32_t number);
    bool fail(std::uint32_t number, std::string_view deeper = {});
    static bool is_search(const AvroStep& step);

    AvroWalk walk_;
    Scratch scratch_;
    std::string json_;

    // Of the record at hand.
    const AvroPlan* plan_ = nullptr;
    const char* begin_ = nullptr;
    AvroBytes bytes_;
    std::span<Value> slots_;
    std::vector<Reason>* extra_ = nullptr;
    std::string failed_path_;
};

}  // namespace sluice
