//! Request signatures. Pure: whoever signs brings time and nonce along.

pub mod huawei;
pub mod rpc;
