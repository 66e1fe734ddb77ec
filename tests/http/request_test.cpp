#include "http/request.hpp"

#include <gtest/gtest.h>

#include "http/router.hpp"

namespace moldau::http {
namespace {

TEST(ParseTarget, SplitsAndDecodes) {
  Request request;
  ASSERT_TRUE(parse_target("/a%2Fb/+?x=1%202&verbose&y=a+b&x=3&=e&", request));
  EXPECT_EQ(request.path, "/a/b/+");
  EXPECT_EQ(request.parameter("x"), "1 2");
  EXPECT_EQ(request.parameter("verbose"), "");
  EXPECT_EQ(request.parameter("y"), "a b");
  EXPECT_EQ(request.parameter("z"), std::nullopt);
}

TEST(ParseTarget, RefusesWhatIsNoPath) {
  for (const char* target : {"", "x", "http://x/", "*", "/%", "/%2", "/%zz", "/a%00b", "/?a=%1"}) {
    Request request;
    EXPECT_FALSE(parse_target(target, request)) << target;
  }
}

TEST(HostOf, DropsPortAndBracketsAndCase) {
  EXPECT_EQ(host_of("LocalHost:9644"), "localhost");
  EXPECT_EQ(host_of("[::1]:9644"), "::1");
  EXPECT_EQ(host_of("[::1"), "::1");
  EXPECT_EQ(host_of("example.org"), "example.org");
  EXPECT_EQ(host_of(""), "");
  EXPECT_TRUE(is_loopback_host("127.9.9.9"));
  EXPECT_TRUE(is_loopback_host("::1"));
  EXPECT_FALSE(is_loopback_host("128.0.0.1"));
  EXPECT_FALSE(is_loopback_host("localhost.example.org"));
  EXPECT_FALSE(is_loopback_host("127.0.0.1.example.org"));
}

TEST(Router, TakesTheLongestPathThatFits) {
  const auto says = [](std::string text) {
    return [text](const Request&) { return Response{.body = text}; };
  };
  const Router router(
      {{"GET", "/", says("root")},
       {"GET", "/api", says("api"), Route::Match::prefix},
       {"GET", "/api/v1/topics", says("topics")},
       {"POST", "/api/v1/topics", says("create")},
       {"GET", "/throws", [](const Request&) -> Response { throw std::runtime_error("no"); }}});
  const auto get = [&](std::string path, std::string method = "GET") {
    Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    return router.handle(request);
  };
  EXPECT_EQ(get("/").body, "root");
  EXPECT_EQ(get("/api").body, "api");
  EXPECT_EQ(get("/api/else").body, "api");
  EXPECT_EQ(get("/apix").status, 404);
  EXPECT_EQ(get("/api/v1/topics").body, "topics");
  EXPECT_EQ(get("/api/v1/topics", "POST").body, "create");
  EXPECT_EQ(get("/", "POST").status, 405);
  EXPECT_EQ(get("/", "POST").headers.at(0).second, "GET, HEAD");
  EXPECT_EQ(get("/throws").status, 500);
}

}  // namespace
}  // namespace moldau::http
