#pragma once

#include "pipeline/decode/csv/csv_splitter.h"
#include "pipeline/decode/json/json_decoder.h"
#include "pipeline/encode/record_encoder.h"
#include "pipeline/message.h"
#include "produce/message_plan.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::produce {

/// Makes messages of rows, as a plan says. One thread: keeps the memory of the latest message.
class MessageBuilder {
public:
    enum class Outcome {
        message,
        nothing,  ///< an empty line of JSON
        problem,
    };
    struct Problem {
        std::size_t position = 0;  ///< in the row, in bytes, from 0
        std::string text;          ///< what is wrong, and what to do
    };

    /// `partitions`: how many the topic has. `encoder` makes values of their JSON; null: they are
    /// what the plan says.
    MessageBuilder(MessagePlan plan, int partitions,
                   std::unique_ptr<RecordEncoder> encoder = nullptr);

    /// `to` becomes views into the row and into this, valid until the next call. The row has
    /// RowReader::padding readable bytes behind it.
    [[nodiscard]] Outcome build(std::string_view row, Message& to);
    /// Of the latest Outcome::problem.
    [[nodiscard]] const Problem& problem() const { return problem_; }

private:
    using Index = MessagePlan::Index;
    using Text = std::optional<std::string_view>;

    /// A piece of JSON that is the same in every message, before each field and behind the last.
    struct Template {
        struct Part {
            std::string before;
            Index field = 0;
        };
        std::vector<Part> parts;
        std::string tail;
    };
    static Template make_template(const std::vector<Index>& fields, const std::vector<Field>& all);

    bool decode(std::string_view row);
    bool decode_csv(std::string_view row);
    bool decode_json(std::string_view row);
    bool text_of(Index field, Text& to);
    bool message_text_of(Index field, Text& to);
    bool take_key(Message& to);
    bool take_partition(Message& to);
    bool take_timestamp(Message& to);
    bool take_headers(Message& to);
    bool take_all_headers(Index field);
    bool take_value(std::string_view row, Message& to);
    bool encode_value(Message& to);
    bool fill(const Template& shape, std::string& to);
    bool fill_csv(std::string& to);
    bool fail(std::size_t position, std::string text);
    bool fail_at(Index field, std::string_view text);

    const MessagePlan plan_;
    const int partitions_;
    const Template value_template_;
    const Template key_template_;
    const std::unique_ptr<RecordEncoder> encoder_;
    CsvSplitter csv_;
    JsonDecoder json_;
    JsonIndex index_;

    // Of the row at hand.
    std::string_view row_;
    std::vector<Value> slots_;
    Scratch scratch_;
    std::vector<Header> headers_;
    std::string value_;
    std::string encoded_;
    std::string key_;
    Problem problem_;
};

}  // namespace sluice::produce
