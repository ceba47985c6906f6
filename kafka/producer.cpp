#include "kafka/producer.h"

#include "kafka/client.h"

#include <algorithm>
#include <array>

namespace sluice::kafka {
namespace {

constexpr std::chrono::milliseconds queue_full_pause{20};
constexpr unsigned messages_per_poll = 100;

using HeadersHandle = std::unique_ptr<rd_kafka_headers_t, Releaser<rd_kafka_headers_destroy>>;

std::map<std::string, std::string> own_settings(const config::Kafka& kafka,
                                                const ProducerOptions& options) {
    std::map<std::string, std::string> own = options.settings;
    own["enable.idempotence"] = "true";
    // Delivery reports alone say when a queue has room again; the count is no limit of ours.
    own["queue.buffering.max.messages"] = "1000000";
    if (!kafka.properties.contains("partitioner")) own["partitioner"] = "murmur2_random";
    if (!options.transactional_id.empty()) {
        own["transactional.id"] = options.transactional_id;
        own["transaction.timeout.ms"] = std::to_string(options.transaction_timeout.count());
    }
    return own;
}

/// For as much as is wanted, and never so small that a message which may be sent has no room in it:
/// librdkafka would call it full for ever.
void set_queue_size(rd_kafka_conf_t& conf, std::size_t wanted) {
    const std::size_t bytes = std::max(wanted, 2 * number_setting(conf, "message.max.bytes"));
    set_property(conf, "queue.buffering.max.kbytes", std::to_string((bytes >> 10) + 1));
}

HeadersHandle make_headers(std::span<const Header> headers) {
    if (headers.empty()) return {};
    HeadersHandle made{rd_kafka_headers_new(headers.size())};
    for (const Header& header : headers) {
        rd_kafka_header_add(made.get(), header.name.data(),
                            static_cast<ssize_t>(header.name.size()),
                            header.value ? header.value->data() : nullptr,
                            header.value ? static_cast<ssize_t>(header.value->size()) : 0);
    }
    return made;
}

rd_kafka_vu_t piece(rd_kafka_vtype_t type) {
    rd_kafka_vu_t made{};
    made.vtype = type;
    return made;
}

rd_kafka_vu_t piece(rd_kafka_vtype_t type, const std::optional<std::string_view>& bytes) {
    rd_kafka_vu_t made = piece(type);
    // An empty text is not NULL.
    made.u.mem.ptr = bytes ? const_cast<char*>(bytes->empty() ? "" : bytes->data()) : nullptr;
    made.u.mem.size = bytes ? bytes->size() : 0;
    return made;
}

std::optional<TransactionError> outcome(rd_kafka_error_t* raw) {
    const ErrorHandle error{raw};
    if (!error) return std::nullopt;
    using Kind = TransactionError::Kind;
    Kind kind = Kind::fatal;
    if (rd_kafka_error_txn_requires_abort(error.get()) != 0) {
        kind = Kind::abort;
    } else if (rd_kafka_error_is_retriable(error.get()) != 0) {
        kind = Kind::again;
    }
    return TransactionError{kind, rd_kafka_error_code(error.get()),
                            rd_kafka_error_string(error.get())};
}

int in_ms(std::chrono::milliseconds time) {
    return static_cast<int>(time.count());
}

}  // namespace

ConfHandle producer_conf(const config::Kafka& kafka, const ProducerOptions& options) {
    ConfHandle conf = make_conf(kafka, own_settings(kafka, options));
    set_queue_size(*conf, options.queue_bytes);
    return conf;
}

Producer::Producer(const config::Kafka& kafka, const Options& options, DeliveryListener& listener)
    : listener_(listener) {
    ConfHandle conf = producer_conf(kafka, options);
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
    client_ = make_client(RD_KAFKA_PRODUCER, std::move(conf), options.name);
}

Producer::~Producer() {
    // rd_kafka_destroy() would not wait for them either, but warn.
    purge();
}

void Producer::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& listener = static_cast<Producer*>(opaque)->listener_;
    const auto number = reinterpret_cast<std::uintptr_t>(message->_private);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        listener.on_acknowledged(number);
    } else {
        listener.on_failed(number, message->err);
    }
}

rd_kafka_topic_t& Producer::topic(std::string_view name) {
    if (last_topic_ == nullptr || last_name_ != name) {
        last_name_ = name;
        last_topic_ = nullptr;
        TopicHandle& handle = topics_[last_name_];
        if (!handle) handle.reset(rd_kafka_topic_new(client_.get(), last_name_.c_str(), nullptr));
        check(handle ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error(), "topic " + last_name_);
        last_topic_ = &handle;
    }
    return **last_topic_;
}

void Producer::send(std::string_view topic_name, const Message& message, std::uint64_t number) {
    rd_kafka_topic_t& to = topic(topic_name);
    HeadersHandle headers = make_headers(message.headers);
    std::array<rd_kafka_vu_t, 8> pieces{};
    std::size_t count = 0;
    const auto add = [&](const rd_kafka_vu_t& made) { pieces[count++] = made; };
    add(piece(RD_KAFKA_VTYPE_RKT));
    pieces[0].u.rkt = &to;
    add(piece(RD_KAFKA_VTYPE_PARTITION));
    pieces[1].u.i32 = message.partition.value_or(RD_KAFKA_PARTITION_UA);
    add(piece(RD_KAFKA_VTYPE_MSGFLAGS));
    pieces[2].u.i = RD_KAFKA_MSG_F_COPY;
    add(piece(RD_KAFKA_VTYPE_OPAQUE));
    pieces[3].u.ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(number));
    add(piece(RD_KAFKA_VTYPE_KEY, message.key));
    add(piece(RD_KAFKA_VTYPE_VALUE, message.value));
    if (message.timestamp_ms >= 0) {
        add(piece(RD_KAFKA_VTYPE_TIMESTAMP));
        pieces[count - 1].u.i64 = message.timestamp_ms;
    }
    if (headers) {
        add(piece(RD_KAFKA_VTYPE_HEADERS));
        pieces[count - 1].u.headers = headers.get();
    }
    for (;;) {
        const ErrorHandle error{rd_kafka_produceva(client_.get(), pieces.data(), count)};
        const auto code = error ? rd_kafka_error_code(error.get()) : RD_KAFKA_RESP_ERR_NO_ERROR;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            static_cast<void>(headers.release());  // librdkafka's from here on, on success only
            break;
        }
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            listener_.on_failed(number, code);
            break;
        }
        poll(queue_full_pause);
    }
    // What became of earlier ones waits in a queue whose lock is not free of charge.
    if (++sent_ % messages_per_poll == 0) poll(std::chrono::milliseconds(0));
}

void Producer::poll(std::chrono::milliseconds timeout) {
    rd_kafka_poll(client_.get(), in_ms(timeout));
}

bool Producer::flush(std::chrono::milliseconds timeout) {
    return rd_kafka_flush(client_.get(), in_ms(timeout)) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

void Producer::purge() {
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

std::string Producer::describe(rd_kafka_resp_err_t code) const {
    std::array<char, 512> text{};
    const auto fatal = rd_kafka_fatal_error(client_.get(), text.data(), text.size());
    if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR && code == RD_KAFKA_RESP_ERR__FATAL) {
        return text.data();
    }
    return rd_kafka_err2str(code);
}

std::optional<TransactionError> Producer::init_transactions(std::chrono::milliseconds timeout) {
    return outcome(rd_kafka_init_transactions(client_.get(), in_ms(timeout)));
}

std::optional<TransactionError> Producer::begin_transaction() {
    return outcome(rd_kafka_begin_transaction(client_.get()));
}

std::optional<TransactionError> Producer::commit_transaction(std::chrono::milliseconds timeout) {
    return outcome(rd_kafka_commit_transaction(client_.get(), in_ms(timeout)));
}

std::optional<TransactionError> Producer::abort_transaction(std::chrono::milliseconds timeout) {
    return outcome(rd_kafka_abort_transaction(client_.get(), in_ms(timeout)));
}

}  // namespace sluice::kafka
