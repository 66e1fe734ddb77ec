#pragma once
// The error codes in an answer, wherever in it they stand: what metrics count by.

#include <optional>
#include <type_traits>
#include <vector>

#include "moldau/codec/fields.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::api {

template <class Visit>
class ErrorFinder {
 public:
  explicit ErrorFinder(Visit& visit) : visit_(visit) {}
  void operator()(const char*, const auto& value, codec::FieldSpec) { look(value); }

 private:
  void look(const protocol::ErrorCode& code) {
    if (code != protocol::ErrorCode::none) visit_(code);
  }
  template <codec::FieldList T>
  void look(const T& value) {
    T::fields(*this, value);
  }
  template <codec::FieldList T>
  void look(const std::optional<T>& value) {
    if (value) look(*value);
  }
  template <codec::FieldList T>
  void look(const std::vector<T>& values) {
    for (const T& value : values) look(value);
  }
  template <codec::FieldList T>
  void look(const std::optional<std::vector<T>>& values) {
    if (values) look(*values);
  }
  template <class T>
  void look(const T&) {}

  Visit& visit_;
};

/// Calls `visit(code)` for every code but none.
template <class Response, class Visit>
void for_each_error(const Response& response, Visit visit) {
  ErrorFinder<Visit> finder(visit);
  Response::fields(finder, response);
}

}  // namespace moldau::api
