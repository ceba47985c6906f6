#include "kafka/topic_access.h"

#include "kafka/topic.h"
#include "pipeline/errors.h"

namespace sluice::kafka {
namespace {

constexpr std::chrono::seconds time_between_questions{2};
constexpr std::chrono::milliseconds question_timeout{500};

}  // namespace

void TopicAccess::on_error(rd_kafka_resp_err_t code, const std::string& text) {
    switch (code) {
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
            break;
        default:
            return;  // passes, or is tried again by librdkafka, within moments
    }
    is_the_groups_ = code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    trouble_ = text;
    next_question_ = std::chrono::steady_clock::now() + time_between_questions;
}

void TopicAccess::ask_whether_it_is_over(rd_kafka_t& client) {
    const auto now = std::chrono::steady_clock::now();
    if (trouble_.empty() || is_the_groups_ || now < next_question_) return;
    next_question_ = now + time_between_questions;
    try {
        if (topic_) static_cast<void>(partitions_of(client, *topic_, question_timeout));
        trouble_.clear();
    } catch (const TroubleOfTheWorld& still) {
        trouble_ = still.what();
    }
}

}  // namespace sluice::kafka
