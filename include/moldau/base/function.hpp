#pragma once
// A callable that can be moved and not copied (std::move_only_function is C++23).

#include <memory>
#include <type_traits>
#include <utility>

namespace moldau::base {

template <class Signature>
class Function;

template <class R, class... Args>
class Function<R(Args...)> {
 public:
  Function() = default;
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Function> && std::is_invocable_r_v<R, F&, Args...>)
  Function(F callable) : impl_(std::make_unique<Impl<F>>(std::move(callable))) {}
  R operator()(Args... args) { return impl_->call(std::forward<Args>(args)...); }
  explicit operator bool() const { return impl_ != nullptr; }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct Impl final : Base {
    explicit Impl(F f) : callable(std::move(f)) {}
    R call(Args... args) override { return callable(std::forward<Args>(args)...); }
    F callable;
  };
  std::unique_ptr<Base> impl_;
};

using Task = Function<void()>;

}  // namespace moldau::base
