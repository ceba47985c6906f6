#include "kafka/topic_access.h"

#include "kafka/topic.h"
#include "pipeline/errors.h"

namespace sluice::kafka {
namespace {

constexpr std::chrono::seconds time_between_questions{2};
constexpr std::chrono::milliseconds question_timeout{500};

}  // namespace

void TopicAccess::on_error(rd_kafka_resp_err_t code, const std::string& text) {
    bool is_the_groups = true;
    const char* remedy = "";
    switch (code) {
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
            is_the_groups = false;
            break;
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
            break;
        case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
            remedy =
                "; session.timeout.ms of [kafka.properties] is not within what the brokers take, "
                "group.min.session.timeout.ms to group.max.session.timeout.ms";
            break;
        case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
            remedy = "; another program is a member of this group: give each its own";
            break;
        case RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED:
            remedy = "; group.max.size of the brokers says so";
            break;
        default:
            return;  // passes, or is tried again by librdkafka, within moments
    }
    is_the_groups_ = is_the_groups;
    trouble_ = text + remedy;
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
