#pragma once

#include "config/config.h"
#include "pipeline/encode/record_encoder.h"
#include "pipeline/table.h"
#include "produce/message_plan.h"

#include <memory>
#include <string>
#include <vector>

/// What a table of SQL holds whose rows become messages.
namespace sluice {

struct MessageColumn {
    std::string name;
    std::string type;
};

/// Of any topic: the message's value, key, partition, headers and time, as they are.
[[nodiscard]] std::vector<MessageColumn> message_columns();
/// Of a pipeline's topic: the columns that it fills, by which it would read the very row, then what
/// of the message none of them says. Throws WrongConfiguration where nobody could write what the
/// pipeline reads.
[[nodiscard]] std::vector<MessageColumn> message_columns_for(const config::Ingest& ingest,
                                                             const Table& table);

/// How rows of these columns become messages. Throws WrongConfiguration where a table of them was
/// made for something else.
[[nodiscard]] produce::MessagePlan message_plan(const std::vector<std::string>& columns);
[[nodiscard]] produce::MessagePlan message_plan_for(const config::Ingest& ingest,
                                                    const Table& table,
                                                    const std::vector<std::string>& columns);

/// Makes values of their JSON as the pipeline reads them from this topic; null: they are JSON, or
/// no such format. Throws WrongConfiguration, and TroubleOfTheWorld where the registry does not
/// answer.
[[nodiscard]] std::unique_ptr<RecordEncoder> message_encoder_for(const config::Ingest& ingest,
                                                                 const std::string& topic,
                                                                 const config::Config& config);

}  // namespace sluice
