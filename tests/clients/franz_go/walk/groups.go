// The life of a group of one member, request by request, at one release's versions: first in the
// classic protocol, then in the consumer protocol (KIP-848), where the release has it.
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Without what a broker of today needs for topics, but with the groups of its time.
var oldReleases = []func() *kversion.Versions{kversion.V0_10_0, kversion.V0_10_1, kversion.V0_10_2}

type groupWalk struct {
	ctx      context.Context
	cl       *kgo.Client
	name     string
	group    string
	topic    string
	topicID  [16]byte
	member   string
	instance *string
	epoch    int32
}

func (w *groupWalk) send(r kmsg.Request) kmsg.Response {
	response, err := w.cl.Request(w.ctx, r)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s, %s: %v\n", w.name, kmsg.NameForKey(r.Key()), err)
		return nil
	}
	return response
}

func (w *groupWalk) joinRequest() *kmsg.JoinGroupRequest {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Group, r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = w.group, 10000, 20000
	r.MemberID, r.InstanceID, r.ProtocolType = w.member, w.instance, "consumer"
	p := kmsg.NewJoinGroupRequestProtocol()
	metadata := kmsg.NewConsumerMemberMetadata()
	metadata.Topics = []string{w.topic}
	p.Name, p.Metadata = "range", metadata.AppendTo(nil)
	r.Protocols, r.Reason = append(r.Protocols, p), kmsg.StringPtr("a walk")
	return r
}

// From version 4 on the first answer to a dynamic member is no more than its id.
func (w *groupWalk) join() bool {
	for range 2 {
		joined, ok := w.send(w.joinRequest()).(*kmsg.JoinGroupResponse)
		if !ok {
			return false
		}
		w.member, w.epoch = joined.MemberID, joined.Generation
		if joined.ErrorCode != kerr.MemberIDRequired.Code {
			return joined.ErrorCode == 0
		}
	}
	return false
}

func (w *groupWalk) sync() kmsg.Request {
	r := kmsg.NewPtrSyncGroupRequest()
	r.Group, r.Generation, r.MemberID, r.InstanceID = w.group, w.epoch, w.member, w.instance
	r.ProtocolType, r.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	assignment := kmsg.NewConsumerMemberAssignment()
	topic := kmsg.NewConsumerMemberAssignmentTopic()
	topic.Topic, topic.Partitions = w.topic, []int32{0, 1}
	assignment.Topics = append(assignment.Topics, topic)
	a := kmsg.NewSyncGroupRequestGroupAssignment()
	a.MemberID, a.MemberAssignment = w.member, assignment.AppendTo(nil)
	r.GroupAssignment = append(r.GroupAssignment, a)
	return r
}

func (w *groupWalk) heartbeat() kmsg.Request {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Group, r.Generation, r.MemberID, r.InstanceID = w.group, w.epoch, w.member, w.instance
	return r
}

func (w *groupWalk) commit() kmsg.Request {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Group, r.Generation, r.MemberID, r.InstanceID = w.group, w.epoch, w.member, w.instance
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic, t.TopicID = w.topic, w.topicID
	for partition := range int32(2) {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch = partition, int64(partition)+1, 0
		p.Metadata = kmsg.StringPtr("a note")
		t.Partitions = append(t.Partitions, p)
	}
	r.Topics = append(r.Topics, t)
	return r
}

// In the shape of version 8 and later, which the client itself turns into that of one group.
func (w *groupWalk) fetchOffsets(everything bool) kmsg.Request {
	r := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group, r.RequireStable = w.group, true
	t := kmsg.NewOffsetFetchRequestGroupTopic()
	t.Topic, t.TopicID, t.Partitions = w.topic, w.topicID, []int32{0, 1, 2}
	if !everything {
		g.Topics = append(g.Topics, t)
	}
	r.Groups = append(r.Groups, g)
	return r
}

func (w *groupWalk) describe() kmsg.Request {
	r := kmsg.NewPtrDescribeGroupsRequest()
	r.Groups, r.IncludeAuthorizedOperations = []string{w.group}, true
	return r
}

func (w *groupWalk) list() kmsg.Request {
	r := kmsg.NewPtrListGroupsRequest()
	r.StatesFilter = []string{"Stable"}
	return r
}

func (w *groupWalk) leave() kmsg.Request {
	r := kmsg.NewPtrLeaveGroupRequest()
	r.Group, r.MemberID = w.group, w.member
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID, m.InstanceID, m.Reason = w.member, w.instance, kmsg.StringPtr("the walk ends")
	r.Members = append(r.Members, m)
	return r
}

func (w *groupWalk) deleteOffsets() kmsg.Request {
	r := kmsg.NewPtrOffsetDeleteRequest()
	t := kmsg.NewOffsetDeleteRequestTopic()
	t.Topic = w.topic
	for partition := range int32(2) {
		p := kmsg.NewOffsetDeleteRequestTopicPartition()
		p.Partition = partition
		t.Partitions = append(t.Partitions, p)
	}
	r.Group, r.Topics = w.group, append(r.Topics, t)
	return r
}

func (w *groupWalk) remove() kmsg.Request {
	r := kmsg.NewPtrDeleteGroupsRequest()
	r.Groups = []string{w.group}
	return r
}

func (w *groupWalk) classic() {
	if !w.join() {
		return
	}
	for _, r := range []kmsg.Request{w.sync(), w.heartbeat(), w.commit(), w.fetchOffsets(false),
		w.fetchOffsets(true), w.describe(), w.list(), w.leave(), w.deleteOffsets(), w.remove()} {
		w.send(r)
	}
}

func (w *groupWalk) consumerHeartbeat(epoch int32) bool {
	r := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	r.Group, r.MemberID, r.MemberEpoch = w.group, w.member, epoch
	if epoch == 0 {
		r.InstanceID, r.RackID = w.instance, kmsg.StringPtr("a rack")
		r.RebalanceTimeoutMillis = 20000
		r.SubscribedTopicNames, r.ServerAssignor = []string{w.topic}, kmsg.StringPtr("uniform")
		r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	} else if epoch > 0 {
		t := kmsg.NewConsumerGroupHeartbeatRequestTopic()
		t.TopicID, t.Partitions = w.topicID, []int32{0, 1}
		r.Topics = append(r.Topics, t)
	}
	beat, ok := w.send(r).(*kmsg.ConsumerGroupHeartbeatResponse)
	if !ok || beat.ErrorCode != 0 {
		return false
	}
	if beat.MemberID != nil {
		w.member = *beat.MemberID
	}
	w.epoch = beat.MemberEpoch
	return true
}

// A member names itself since version 1; version 0 overrides it.
func (w *groupWalk) consumer() {
	id := make([]byte, 16)
	rand.Read(id)
	w.member = base64.RawURLEncoding.EncodeToString(id)
	if !w.consumerHeartbeat(0) {
		return
	}
	w.consumerHeartbeat(w.epoch)
	w.send(w.commit())
	r := kmsg.NewPtrConsumerGroupDescribeRequest()
	r.Groups, r.IncludeAuthorizedOperations = []string{w.group}, true
	w.send(r)
	w.consumerHeartbeat(-1)
}

func walkGroups(bootstrap string, name string, topic string, topicID [16]byte, versions *kversion.Versions) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.MaxVersions(versions),
		kgo.ClientID("walk"), kgo.RequestRetries(2))
	if err != nil {
		panic(err)
	}
	defer cl.Close()
	walk := groupWalk{ctx: ctx, cl: cl, name: name, topic: topic, topicID: topicID}
	for _, instance := range []*string{nil, kmsg.StringPtr("an-instance")} {
		walk.group, walk.member, walk.instance = "group-"+name, "", instance
		walk.classic()
	}
	walk.group = "consumers-" + name
	walk.consumer()
}

// A topic that lives as long as all the walks; its id.
func groupTopic(bootstrap string, topic string) [16]byte {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ClientID("walk"))
	if err != nil {
		panic(err)
	}
	defer cl.Close()
	response, err := cl.Request(ctx, create(topic))
	if err != nil {
		panic(err)
	}
	return response.(*kmsg.CreateTopicsResponse).Topics[0].TopicID
}
